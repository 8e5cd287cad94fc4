import { randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import { Edge, LoggedIn, Product, Registered, Stock } from '../e2e/edge';
import { ADDRESS, PRICE, SHOP, openShop } from '../e2e/fixtures';
import { ADMIN } from '../harness/system';
import { until } from '../harness/until';

/** Enough that concurrent orders seldom share a product or a customer. */
const PRODUCTS = 20;
const CUSTOMERS = 20;
/** The preparation is not measured, and a machine may be busy. */
const PATIENCE_MS = 120_000;
const PIECES = 1_000_000;

export interface Customer {
  readonly userId: string;
  readonly token: string;
}

/** The product and the customer of an order. */
export interface Purchase {
  readonly productId: string;
  readonly customer: Customer;
}

/** The products and customers of a benchmark, and the connections for its orders. */
export class Shop {
  #pool: Pool;

  private constructor(
    private readonly url: string,
    readonly products: readonly string[],
    readonly customers: readonly Customer[],
  ) {
    this.#pool = poolTo(url);
  }

  /** Adds products in stock and customers who are signed in to the system behind a gateway. */
  static async open(url: string): Promise<Shop> {
    const admin = await patiently(() => signedIn(url));
    const products: string[] = [];
    while (products.length < PRODUCTS) products.push(await patiently(() => addProduct(admin)));
    const customers: Customer[] = [];
    while (customers.length < CUSTOMERS) customers.push(await patiently(() => addCustomer(url)));
    return new Shop(url, products, customers);
  }

  /** The `n`th order: products and customers take turns. */
  purchase(n: number): Purchase {
    const productId = this.products[n % this.products.length] ?? '';
    const customer = this.customers[n % this.customers.length] ?? { userId: '', token: '' };
    return { productId, customer };
  }

  /** Places an order for one piece, and settles when it is confirmed; rejects if it is not. */
  async buy({ productId, customer }: Purchase): Promise<void> {
    const { statusCode, body } = await this.#pool.request({
      method: 'POST',
      path: '/api/v1/orders',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
        authorization: `Bearer ${customer.token}`,
      },
      body: JSON.stringify({
        shopId: SHOP,
        items: [{ productId, quantity: 1 }],
        payment: { method: 'card', token: 'tok_ok' },
        deliveryAddress: ADDRESS,
      }),
    });
    const answer = await body.text();
    if (statusCode !== 201) throw new Error(`the order was answered ${statusCode}: ${answer}`);
  }

  /** Opens new connections: a system that was paused for long may have closed the old ones. */
  async reconnect(): Promise<void> {
    const old = this.#pool;
    this.#pool = poolTo(this.url);
    await old.close();
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

const poolTo = (url: string) =>
  new Pool(url, { connections: 512, keepAliveTimeout: 60_000, headersTimeout: 60_000 });

/** Retries on a machine that is too busy: hashing a password takes a core for a while. */
export const patiently = <T extends object | string>(make: () => Promise<T>) =>
  until('the preparation', make, PATIENCE_MS);

export async function signedIn(url: string): Promise<Edge> {
  const admin = { body: ADMIN };
  const { token } = await new Edge(url).ask(LoggedIn, 200, 'POST', '/auth/login', admin);
  return new Edge(url, token);
}

/** Adds a product in stock, and the shop that sells it. */
export async function addProduct(admin: Edge): Promise<string> {
  await openShop(admin);
  const body = { name: 'Pen', description: 'Blue.', category: 'office', price: PRICE };
  const { productId } = await admin.ask(Product, 201, 'POST', '/products', { body });
  const opening = { change: PIECES, reason: 'opening' };
  const path = `/inventory/${SHOP}/${productId}/adjustments`;
  await admin.ask(Stock, 200, 'POST', path, { body: opening });
  return productId;
}

export async function addCustomer(url: string): Promise<Customer> {
  const who = { email: `${randomUUID()}@example.com`, password: randomUUID() };
  const body = { ...who, name: 'Ada Example' };
  const { userId } = await new Edge(url).ask(Registered, 201, 'POST', '/auth/register', { body });
  const { token } = await new Edge(url).ask(LoggedIn, 200, 'POST', '/auth/login', { body: who });
  return { userId, token };
}
