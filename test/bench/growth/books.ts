import { dirname, join } from 'node:path';
import { randomUUID } from 'node:crypto';
import {
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
  create,
} from '@bufbuild/protobuf';
import { type Caller, asService } from '#kit/core/caller';
import { systemClock } from '#kit/core/clock';
import type { CloudEvent } from '#kit/messages/cloud-event';
import { newCallContext } from '#kit/core/call-context';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { Code, MicroserviceError } from '#kit/core/errors';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { ADDRESS, PRICE, SHOP, SHOP_FIELDS } from '../../e2e/fixtures';
import { openServices } from '../direct/services';
import type { Exchange } from '../direct/sidecar';
import { FileTexts, type Rows } from './file-texts';

const ADMIN: Caller = { userId: 'admin', role: 'admin', tenantId: 'default' };
const PIECES = 1_000_000;

/** Documents by service. */
export type Pages = ReadonlyMap<string, Rows>;

/**
 * The documents of a system at rest, written by the services' own code: data that would take the system
 * minutes is there within seconds, in the form that the system gives it.
 */
export class Books {
  private constructor(
    private readonly exchange: Exchange,
    private readonly texts: ReadonlyMap<string, FileTexts>,
  ) {}

  /** Opens the documents of the system whose data is in this folder, runs `write`, and closes them. */
  static async write<T>(folder: string, work: (books: Books) => Promise<T>): Promise<T> {
    const texts = new Map<string, FileTexts>();
    try {
      // the key of the running system, beside the folder of its data
      const USER_KEY_FILE = join(dirname(folder), 'user-key');
      const DEVICE_KEY_FILE = join(dirname(folder), 'device-key');
      const env = { PORT: '0', LOG_LEVEL: 'silent', USER_KEY_FILE, DEVICE_KEY_FILE };
      const exchange = await openServices(env, (appId) => {
        const file = new FileTexts(folder, appId);
        texts.set(appId, file);
        return file;
      });
      const done = await work(new Books(exchange, texts));
      await exchange.settled();
      return done;
    } finally {
      for (const file of texts.values()) file.close();
    }
  }

  host(appId: string): ServiceRuntime {
    return this.exchange.host(appId);
  }

  /** A product in stock, like those of the shop. */
  async addProduct(): Promise<string> {
    await this.#openShop();
    const wanted = { name: 'Pen', description: 'Blue.', category: 'office', price: PRICE };
    const { createProduct } = ProductService.method;
    const { productId } = await this.call('product', createProduct, wanted, ADMIN);
    const opening = { shopId: SHOP, productId, change: PIECES, reason: 'opening' };
    await this.call('inventory', InventoryService.method.adjustStock, opening, ADMIN);
    return productId;
  }

  async #openShop(): Promise<void> {
    const { createShop } = ShopService.method;
    await this.call('shop', createShop, SHOP_FIELDS, ADMIN).catch((error: unknown) => {
      if (!(error instanceof MicroserviceError) || error.code !== Code.ALREADY_EXISTS) throw error;
    });
  }

  /** An order of this user, which is confirmed when this settles. */
  async order(userId: string, productId: string): Promise<void> {
    const { status } = await this.#place(userId, productId, false);
    if (status !== 'confirmed') throw new Error(`an order is ${status}`);
  }

  /** Orders that are placed, each with the command to fulfil it, which is not delivered yet. */
  async pending(count: number, who: (n: number) => [userId: string, productId: string]) {
    const commands: CloudEvent[] = [];
    this.exchange.keptBack.set('order.place', commands);
    for (let n = 0; n < count; n++) await this.#place(...who(n), true);
    return commands;
  }

  /** Reserves a piece for an order; with `commit`, it is sold. */
  async reserve(productId: string, commit: boolean): Promise<void> {
    const { method } = InventoryService;
    const items = [{ productId, quantity: 1 }];
    const goods = { orderId: `order_${randomUUID()}`, shopId: SHOP, items };
    await this.call('inventory', method.reserve, goods, asService());
    if (commit) await this.call('inventory', method.commit, goods, asService());
  }

  /** The documents written so far, and the ones that they replaced. */
  pages(): { now: Pages; before: Pages } {
    const written = [...this.texts].map(([appId, texts]) => [appId, texts.written()] as const);
    return {
      now: new Map(written.map(([appId, { now }]) => [appId, now])),
      before: new Map(written.map(([appId, { before }]) => [appId, before])),
    };
  }

  async call<M extends DescMethodUnary>(
    appId: string,
    method: M,
    request: MessageInitShape<M['input']>,
    caller: Caller,
    respondAsync = false,
  ): Promise<MessageShape<M['output']>> {
    const callContext = newCallContext(systemClock, { caller, respondAsync });
    // created from this very method's input
    const message = create(method.input, request) as MessageShape<M['input']>;
    return (await this.host(appId).handleCall(method, message, callContext)).response;
  }

  #place(userId: string, productId: string, respondAsync: boolean) {
    const wanted = {
      shopId: SHOP,
      items: [{ productId, quantity: 1 }],
      payment: { method: 'card', token: 'tok_ok' },
      deliveryAddress: ADDRESS,
    };
    const caller: Caller = { userId, role: 'customer', tenantId: 'default' };
    return this.call('order', OrderService.method.placeOrder, wanted, caller, respondAsync);
  }
}

/** Restores documents. */
export function restore(folder: string, pages: Pages): void {
  for (const [appId, rows] of pages) {
    if (rows.size === 0) continue;
    const file = new FileTexts(folder, appId);
    file.restore(rows);
    file.close();
  }
}
