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
/** Of the right form, but nobody lives there. */
export const UNDELIVERABLE = { ...ADDRESS, postalCode: '00000' };

export interface OrderForm {
  items?: { productId: string; quantity: number }[];
  payment?: { method: string; token: string };
  deliveryAddress?: object;
}

/** How an order is asked for: with a key that makes it one, and with what else is said about it. */
export interface RequestOptions {
  key?: string;
  headers?: Readonly<Record<string, string>>;
}

/** A customer of their own, so that what one test does is not in the lists of another. */
export class Shopper extends Edge {
  constructor(
    url: string,
    private readonly signedIn: string,
    readonly userId: string,
    readonly email: string,
  ) {
    super(url, signedIn);
  }

  /** The same customer, who asks another gateway. */
  at(url: string): Shopper {
    return new Shopper(url, this.signedIn, this.userId, this.email);
  }

  /** An order for one piece, sent as it is. */
  async order(productId: string, wish: OrderForm = {}, how: RequestOptions = {}) {
    return this.send('POST', '/orders', orderOf(productId, wish, how));
  }

  /** An order that has to be confirmed at once. */
  async buyConfirmed(
    productId: string,
    wish: OrderForm = {},
    how: RequestOptions = {},
  ): Promise<Order> {
    return this.ask(Order, 201, 'POST', '/orders', orderOf(productId, wish, how));
  }

  /** An order that has to be cancelled at once, for this reason. */
  async buyCancelled(reason: string, productId: string, wish: OrderForm = {}): Promise<string> {
    const refusal = await this.refused(422, 'POST', '/orders', orderOf(productId, wish));
    return orderIdOf(refusal, reason);
  }

  /** An order that is only taken on, to be looked after. */
  async buyAsync(productId: string, wish: OrderForm = {}): Promise<Order> {
    const how = { headers: { prefer: 'respond-async' } };
    return this.ask(Order, 202, 'POST', '/orders', orderOf(productId, wish, how));
  }

  /** The order once it has come to this. */
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

function orderOf(productId: string, wish: OrderForm, { key, headers }: RequestOptions = {}) {
  const body = {
    shopId: SHOP,
    items: [{ productId, quantity: 1 }],
    payment: { method: 'card', token: 'tok_ok' },
    deliveryAddress: ADDRESS,
    ...wish,
  };
  return { body, headers: { 'idempotency-key': key ?? randomUUID(), ...headers } };
}

export const paidWith = (token: string) => ({ payment: { method: 'card', token } });

/** The running system with what a test does in it again and again. */
export class SystemFixture {
  private constructor(
    readonly system: RunningSystem,
    readonly admin: Edge,
  ) {}

  static async open(options: SystemOptions = {}): Promise<SystemFixture> {
    const system = await startSystem(options);
    try {
      const { url } = system.app('gateway');
      const login = () => new Edge(url).ask(LoggedIn, 200, 'POST', '/auth/login', { body: ADMIN });
      // where everything has just been started, a password may take too long to be checked
      const { token } = await until('the admin to be let in', login, 30_000);
      return new SystemFixture(system, new Edge(url, token));
    } catch (error) {
      await system.stop();
      throw error;
    }
  }

  get url(): string {
    return this.system.app('gateway').url;
  }

  /** Somebody who is not signed in. */
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

  /** A product of which there are so many pieces, and which is known to be in stock. */
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

  async stock(productId: string) {
    const { available, reserved } = await this.admin.get(Stock, `/inventory/${SHOP}/${productId}`);
    return { available, reserved };
  }

  close(): Promise<void> {
    return this.system.stop();
  }
}
