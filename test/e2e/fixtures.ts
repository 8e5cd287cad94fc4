import { randomUUID } from 'node:crypto';
import { ADMIN, type SystemOptions, startSystem } from '../harness/system';
import { until } from '../harness/until';
import type { RunningSystem } from '../harness/running-system';
import {
  Edge,
  LoggedIn,
  Order,
  Payment,
  Product,
  type Refusal,
  Registered,
  Stock,
  Story,
} from './edge';

export const SHOP = 'shop_1';
export const PRICE = { amount: '19.99', currency: 'EUR' };
export const ADDRESS = {
  name: 'Ada Example',
  line1: 'Hauptstraße 1',
  postalCode: '10827',
  city: 'Berlin',
  country: 'DE',
};
/** A real address in a country that the carrier does not serve. */
export const UNREACHABLE = { ...ADDRESS, postalCode: '1010001', city: 'Tokyo', country: 'JP' };

/** The shop of the tests: it sells the catalogue in every channel, and is always open. */
export const SHOP_FIELDS = {
  shopId: SHOP,
  name: 'Test shop',
  channels: ['online', 'store', 'pickup', 'vending'],
  timeZone: 'Europe/Berlin',
};

export interface OrderForm {
  shopId?: string;
  channel?: string;
  quoteId?: string | undefined;
  items?: { productId: string; quantity: number }[];
  payment?: { method: string; token: string };
  deliveryAddress?: object | undefined;
}

/** The Idempotency-Key and other headers of a request. */
export interface RequestOptions {
  key?: string;
  headers?: Readonly<Record<string, string>>;
}

/** A new customer, so that tests do not see one another's orders. */
export class Shopper extends Edge {
  constructor(
    url: string,
    private readonly signedIn: string,
    readonly userId: string,
    readonly email: string,
  ) {
    super(url, signedIn);
  }

  /** The same customer at another gateway. */
  at(url: string): Shopper {
    return new Shopper(url, this.signedIn, this.userId, this.email);
  }

  /** Orders one piece, and returns the answer as it is. */
  async order(productId: string, wish: OrderForm = {}, how: RequestOptions = {}) {
    return this.send('POST', '/orders', orderOf(productId, wish, how));
  }

  /** Places an order that must be confirmed in the answer. */
  async buyConfirmed(
    productId: string,
    wish: OrderForm = {},
    how: RequestOptions = {},
  ): Promise<Order> {
    return this.ask(Order, 201, 'POST', '/orders', orderOf(productId, wish, how));
  }

  /** Places an order that must be cancelled in the answer, for this reason; returns its id. */
  async buyCancelled(reason: string, productId: string, wish: OrderForm = {}): Promise<string> {
    const refusal = await this.refused(422, 'POST', '/orders', orderOf(productId, wish));
    return orderIdOf(refusal, reason);
  }

  /** Places an order that must be accepted with 202. */
  async buyAsync(productId: string, wish: OrderForm = {}): Promise<Order> {
    const how = { headers: { prefer: 'respond-async' } };
    return this.ask(Order, 202, 'POST', '/orders', orderOf(productId, wish, how));
  }

  /** Waits until an order has this status. */
  async waitForStatus(status: Order['status'], orderId: string, withinMs?: number): Promise<Order> {
    return until(
      `${orderId} to be ${status}`,
      async () => {
        const order = await this.get(Order, `/orders/${orderId}`);
        return order.status === status ? order : undefined;
      },
      withinMs,
    );
  }

  story(orderId: string): Promise<Story> {
    return this.get(Story, `/orders/${orderId}/story`);
  }

  async payment({ paymentId = 'none' }: Order) {
    return this.get(Payment, `/payments/${paymentId}`);
  }
}

function orderIdOf({ details }: Refusal, reason: string): string {
  if (details.reason !== reason || details.orderId === undefined) {
    throw new Error(`cancelled for ${JSON.stringify(details)}, not for ${reason}`);
  }
  return details.orderId;
}

/** The body of an order for one piece. */
export function orderBody(productId: string, wish: OrderForm = {}) {
  return {
    shopId: SHOP,
    items: [{ productId, quantity: 1 }],
    payment: { method: 'card', token: 'tok_ok' },
    deliveryAddress: ADDRESS,
    ...wish,
  };
}

function orderOf(productId: string, wish: OrderForm, { key, headers }: RequestOptions = {}) {
  const body = orderBody(productId, wish);
  return { body, headers: { 'idempotency-key': key ?? randomUUID(), ...headers } };
}

export const paidWith = (token: string) => ({ payment: { method: 'card', token } });

/** Creates the shop of the tests, unless it is there. */
export async function openShop(admin: Edge): Promise<void> {
  const { status } = await admin.send('POST', '/shops', { body: SHOP_FIELDS });
  if (status !== 201 && status !== 409) throw new Error(`the shop was not created: ${status}`);
}

/** The edge of a running system with an admin, and helpers that many tests need. */
export class EdgeFixture {
  constructor(
    readonly url: string,
    readonly admin: Edge,
  ) {}

  /** A client that is not signed in. */
  get anonymous(): Edge {
    return new Edge(this.url);
  }

  async shopper(account: Partial<Record<'email' | 'password' | 'name', string>> = {}) {
    const body = {
      email: `${randomUUID()}@example.com`,
      password: 'a-password-of-a-test',
      name: 'Ada Example',
      ...account,
    };
    const { anonymous } = this;
    const { userId } = await anonymous.ask(Registered, 201, 'POST', '/auth/register', { body });
    const { email, password } = body;
    const login = { body: { email, password } };
    const { token } = await anonymous.ask(LoggedIn, 200, 'POST', '/auth/login', login);
    return new Shopper(this.url, token, userId, email);
  }

  /** A new product with this stock, which the catalogue shows. */
  async product(pieces: number): Promise<string> {
    const body = { name: 'Pen', description: 'Blue.', category: 'office', price: PRICE };
    const { productId } = await this.admin.ask(Product, 201, 'POST', '/products', { body });
    if (pieces > 0) await this.stockUp(productId, pieces);
    return productId;
  }

  async stockUp(productId: string, change: number): Promise<void> {
    const path = `/inventory/${SHOP}/${productId}/adjustments`;
    const body = { change, reason: 'Delivery of Monday' };
    await this.admin.ask(Stock, 200, 'POST', path, { body });
  }

  async stock(productId: string, shopId = SHOP) {
    const { available, reserved } = await this.admin.get(
      Stock,
      `/inventory/${shopId}/${productId}`,
    );
    return { available, reserved };
  }
}

/** A system that was started for tests, and its edge. */
export class SystemFixture extends EdgeFixture {
  private constructor(
    readonly system: RunningSystem,
    admin: Edge,
  ) {
    super(system.app('gateway').url, admin);
  }

  static async open(options: SystemOptions = {}): Promise<SystemFixture> {
    const system = await startSystem(options);
    try {
      const { url } = system.app('gateway');
      const login = () => new Edge(url).ask(LoggedIn, 200, 'POST', '/auth/login', { body: ADMIN });
      // right after the start, hashing a password may take longer than a call may
      const { token } = await until('the login of the admin', login, 30_000);
      const admin = new Edge(url, token);
      if (system.apps.some(({ id }) => id === 'shop')) await openShop(admin);
      return new SystemFixture(system, admin);
    } catch (error) {
      await system.stop();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.system.stop();
  }
}
