import {
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
  create,
} from '@bufbuild/protobuf';
import { type Caller, DEFAULT_TENANT } from '#kit/core/caller';
import { Code, type MicroserviceError, isTransient } from '#kit/core/errors';
import { deterministicId } from '#kit/core/deterministic-id';
import { newCallContext } from '#kit/core/call-context';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { DeliveryService } from '#proto/retail/delivery/v1/delivery_pb';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { type Order, OrderService } from '#proto/retail/order/v1/order_pb';
import { PaymentService } from '#proto/retail/payment/v1/payment_pb';
import type { App } from './faults';
import { START } from './loop';
import type { Network } from './network';
import type { Action, Wish } from './scenario';
import type { Stage } from './stage';

export const SHOP = 'shop_1';
const ADMIN: Caller = { userId: 'eve', role: 'admin', tenantId: DEFAULT_TENANT };
/** A client who got no answer asks again after about so long. */
const PATIENCE_MS = 2_000;
/** The last requests are repeated until they are answered; a stopped process wakes within a minute. */
const PROBES = 20;
const STEPS = ['picked_up', 'in_transit', 'delivered'] as const;

/** What a client was told. */
export interface Answer {
  /** When it was asked, and when answered. */
  readonly asked: number;
  readonly at: number;
  readonly what: 'place' | 'cancel' | 'refund' | 'adjust' | 'deliver';
  readonly orderId: string;
  /** Of a place: what was ordered. */
  readonly body: string;
  readonly order?: Order;
  readonly error?: MicroserviceError;
}

export function buyer(order: number): Caller {
  return { userId: order % 2 === 0 ? 'ann' : 'bob', role: 'customer', tenantId: DEFAULT_TENANT };
}

function keyOf(order: number): string {
  return deterministicId(DEFAULT_TENANT, buyer(order).userId, 'post', '/orders', `key-${order}`);
}

/** As the service derives it from the request's key. */
export function orderIdOf(order: number): string {
  return `order_${deterministicId(keyOf(order), 'order', 'order', 0)}`;
}

/** Those who buy and sell, at the edge of the system. */
export class Clients {
  readonly answers: Answer[] = [];
  readonly #chance;
  /** The last that was ordered under each key. */
  readonly #wishes = new Map<number, Wish>();

  constructor(
    private readonly stage: Stage,
    private readonly network: Network,
  ) {
    this.#chance = stage.chance('clients');
  }

  get orders(): number[] {
    return [...this.#wishes.keys()];
  }

  plan(actions: readonly Action[]): void {
    const { loop } = this.stage;
    for (const [index, action] of actions.entries()) {
      loop.after(START + action.at - loop.now, () => {
        void this.#perform(action, `${action.do}-${index}`);
      });
    }
  }

  /** Asks once more for each order, and for another one under its key. */
  probe(): void {
    for (const [order, wish] of this.#wishes) {
      void this.#settled(order, wish).then(() => this.#settled(order, moreThan(wish)));
    }
  }

  /** Until it is known: a fault may be left over, and hit this. */
  async #settled(order: number, wish: Wish): Promise<void> {
    await this.#place(order, wish, false, PROBES);
    const last = this.answers.findLast(({ orderId }) => orderId === orderIdOf(order));
    if (last?.error !== undefined && isTransient(last.error)) {
      this.stage.unforeseen.push(`${last.orderId} is not answered any more: ${last.error.message}`);
    }
  }

  async #perform(action: Action, key: string): Promise<void> {
    switch (action.do) {
      case 'place':
        this.#wishes.set(action.order, this.#wishes.get(action.order) ?? action.wish);
        await this.#place(action.order, action.wish, action.respondAsync, action.tries);
        break;
      case 'repeat': {
        const wish = this.#wishes.get(action.order);
        if (wish === undefined) return;
        await this.#place(action.order, action.changed ? moreThan(wish) : wish, false, 1);
        break;
      }
      case 'cancel': {
        const orderId = orderIdOf(action.order);
        const about = { what: 'cancel', orderId, body: '' } as const;
        const caller = buyer(action.order);
        const method = OrderService.method.cancelOrder;
        const ask = { appId: 'order', key, caller, tries: action.tries };
        await this.#ask(about, ask, method, { orderId, reason: 'changed_my_mind' });
        break;
      }
      case 'refund': {
        const orderId = orderIdOf(action.order);
        const amount =
          action.amount === null ? {} : { amount: { amount: action.amount, currency: 'EUR' } };
        const about = { what: 'refund', orderId, body: '' } as const;
        const ask = { appId: 'payment', key, caller: ADMIN, tries: action.tries };
        const target = { case: 'paymentId', value: `pay_${orderId}` } as const;
        await this.#ask(about, ask, PaymentService.method.refund, { target, ...amount });
        break;
      }
      case 'adjust': {
        const { productId, change, tries } = action;
        const about = { what: 'adjust', orderId: '', body: '' } as const;
        const ask = { appId: 'inventory', key, caller: ADMIN, tries };
        const request = { shopId: SHOP, productId, change, reason: 'counted' };
        await this.#ask(about, ask, InventoryService.method.adjustStock, request);
        break;
      }
      case 'deliver':
        for (const status of STEPS.slice(0, action.steps)) {
          const orderId = orderIdOf(action.order);
          const about = { what: 'deliver', orderId, body: '' } as const;
          const ask = { appId: 'delivery', key: `${key}-${status}`, caller: ADMIN, tries: 2 };
          const method = DeliveryService.method.updateStatus;
          if ((await this.#ask(about, ask, method, { orderId, status })) === undefined) return;
        }
        break;
      case 'replay':
        this.replay(action.app);
        break;
    }
  }

  /** Replays all dead letters of an app, in one of its processes. */
  replay(app: App): void {
    const process = this.#chance.one(this.network.processes.get(app) ?? []);
    const nothing = () => {};
    if (process.isUp) process.serve((runtime) => replayAll(runtime, this.stage), nothing, nothing);
  }

  async #place(order: number, wish: Wish, respondAsync: boolean, tries: number): Promise<void> {
    const { items, token, postalCode, country } = wish;
    const body = JSON.stringify(wish);
    const about = { what: 'place', orderId: orderIdOf(order), body } as const;
    const ask = { appId: 'order', key: keyOf(order), caller: buyer(order), respondAsync, tries };
    await this.#ask(about, ask, OrderService.method.placeOrder, {
      ...{ shopId: SHOP, items, payment: { method: 'card', token } },
      deliveryAddress: { name: 'Ann', line1: 'Street 1', postalCode, city: 'Berlin', country },
    });
  }

  /** Asks, and again where there was no answer. Undefined where there never was one. */
  async #ask<M extends DescMethodUnary>(
    about: Pick<Answer, 'what' | 'orderId' | 'body'>,
    ask: { appId: string; key: string; caller: Caller; respondAsync?: boolean; tries: number },
    method: M,
    request: MessageInitShape<M['input']>,
  ): Promise<MessageShape<M['output']> | undefined> {
    const { loop } = this.stage;
    const { key, caller, respondAsync = false } = ask;
    for (let left = ask.tries; left > 0; left--) {
      const callContext = newCallContext(
        { now: () => loop.now, sleep: never },
        { id: key, caller, respondAsync },
      );
      // made by this very method's schema, which the types cannot follow
      const message = create(method.input, request) as MessageShape<M['input']>;
      const call = { appId: ask.appId, method, request: message, callContext };
      const asked = loop.now;
      const answered = Promise.withResolvers<{ response?: MessageShape<M['output']> }>();
      this.network.call('client', this.#chance, call, {
        resolve: ({ response }) => {
          const order =
            about.what === 'place' || about.what === 'cancel' ? { order: response } : {};
          // the method of these two answers an order
          this.answers.push({ ...about, asked, at: loop.now, ...(order as { order?: Order }) });
          answered.resolve({ response });
        },
        reject: (error) => {
          this.answers.push({ ...about, asked, at: loop.now, error });
          if (isTransient(error))
            loop.after(PATIENCE_MS, () => {
              answered.resolve({});
            });
          else {
            left = 0;
            answered.resolve({});
          }
        },
      });
      const { response } = await answered.promise;
      if (response !== undefined) return response;
    }
    return undefined;
  }
}

async function replayAll(runtime: ServiceRuntime, stage: Stage): Promise<void> {
  try {
    const { letters } = await runtime.deadLetters.page(1, 100);
    for (const { id, type, reason } of letters) {
      stage.count('dead letters replayed');
      if (stage.trace) stage.note(runtime.service.name, `replays ${type} ${id} (${reason})`);
      await runtime.replay(id);
    }
  } catch (error) {
    // another replay was quicker, or a fault hit it: an operator looks again later
    if (!isTransient(error) && !isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === Code.NOT_FOUND;
}

function moreThan(wish: Wish): Wish {
  return {
    ...wish,
    items: wish.items.map((item) => ({ ...item, quantity: item.quantity + 1 })),
  };
}

function never(): Promise<void> {
  throw new Error('no client sleeps');
}
