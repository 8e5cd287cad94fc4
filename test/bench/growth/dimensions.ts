import { join } from 'node:path';
import { closedLoop } from '../closed-loop';
import { type Cpu, cpuBetween } from '../cpu';
import type { Ours } from '../ours';
import { type Customer, type Purchase, addCustomer, patiently } from '../shop';
import { busSettled } from '../system-variant';
import { Books, type Pages, restore } from './books';

export const FACTORS = [1, 10, 100] as const;
export type Factor = (typeof FACTORS)[number];

/** The CPU of this number of orders. */
export interface Cost {
  readonly orders: number;
  readonly cpu: Cpu;
}

/** Brings the shop to a size, and places orders there. */
export type Measure = (factor: Factor, orders: number) => Promise<Cost>;

/** A kind of data that grows in a shop, with which the cost of an order must not grow. */
export interface Dimension {
  readonly name: string;
  /** The amount at 1x. */
  readonly one: number;
  /** Prepares all sizes in a system that is at rest. */
  readonly prepare: (ours: Ours) => Promise<Measure>;
}

const IN_FLIGHT = 4;

const dataOf = (ours: Ours) => join(ours.system.folder, 'data');

const measured = (ours: Ours, orders: number, purchase: (n: number) => Purchase): Promise<Cost> =>
  closedLoop(
    {
      placeOrder: (n) => ours.shop.buy(purchase(n)),
      settled: () => ours.settled(),
      cpu: () => ours.cpu(),
    },
    orders,
    IN_FLIGHT,
  );

/** Products and customers beside those of the orders: one size at a time. */
function beside(
  name: string,
  one: number,
  grow: (books: Books, from: number, to: number) => Promise<void>,
): Dimension {
  return {
    name,
    one,
    prepare: async (ours) => {
      const sizes = new Map<Factor, Pages>();
      const folder = dataOf(ours);
      const before = await Books.write(folder, async (books) => {
        for (const [index, factor] of FACTORS.entries()) {
          await grow(books, one * (FACTORS[index - 1] ?? 0), one * factor);
          sizes.set(factor, books.pages().now);
        }
        return books.pages().before;
      });
      return async (factor, orders) => {
        restore(folder, before);
        restore(folder, sizes.get(factor) ?? new Map());
        return measured(ours, orders, (n) => ours.shop.purchase(n));
      };
    },
  };
}

const catalogue = beside('products in the catalogue', 100, async (books, from, to) => {
  for (let n = from; n < to; n++) await books.addProduct();
});

const HEARERS = ['order', 'product', 'notification'];

const deadLetters = beside('dead letters of each service', 10, async (books, from, to) => {
  const failure = { reason: 'not_found', message: 'product not found', attempts: 1 };
  for (const appId of HEARERS) {
    for (let n = from; n < to; n++) {
      const about = { type: 'product.stock.updated', source: 'inventory', subject: `p${n}` };
      const event = {
        id: `letter-${n}`,
        ...about,
        correlationid: `c${n}`,
        data: { productId: `p${n}` },
      };
      await books.host(appId).deadLetters.store(event, failure);
    }
  }
});

const CUSTOMERS = 2;

/** The customers' orders and notifications, restored before each measurement. */
const ordersPerUser: Dimension = {
  name: 'orders of a user',
  one: 10,
  prepare: async (ours) => {
    const { url } = ours.system.app('gateway');
    const folder = dataOf(ours);
    const sizes = new Map<Factor, { customers: Customer[]; pages: Pages }>();
    for (const factor of FACTORS) {
      const customers: Customer[] = [];
      while (customers.length < CUSTOMERS) {
        customers.push(await patiently(() => addCustomer(url)));
      }
      await ours.settled();
      const pages = await Books.write(folder, async (books) => {
        const products: string[] = [];
        while (products.length < 20) products.push(await books.addProduct());
        for (let n = 0; n < ordersPerUser.one * factor; n++) {
          const productId = products[n % products.length] ?? '';
          for (const { userId } of customers) await books.order(userId, productId);
        }
        return books.pages().now;
      });
      sizes.set(factor, { customers, pages });
    }
    return async (factor, orders) => {
      const { customers = [], pages = new Map() } = sizes.get(factor) ?? {};
      restore(folder, pages);
      return measured(ours, orders, (n) => {
        const { productId, customer } = ours.shop.purchase(n);
        return { productId, customer: customers[n % CUSTOMERS] ?? customer };
      });
    };
  },
};

const PRODUCTS = 4;

/** Products that are new at each measurement, as each order changes them. */
function reservations(name: string, one: number, commit: boolean): Dimension {
  return {
    name,
    one,
    prepare: async (ours) => async (factor, orders) => {
      const products = await Books.write(dataOf(ours), async (books) => {
        const added: string[] = [];
        while (added.length < PRODUCTS) {
          const productId = await books.addProduct();
          for (let n = 0; n < one * factor; n++) await books.reserve(productId, commit);
          added.push(productId);
        }
        return added;
      });
      return measured(ours, orders, (n) => ({
        ...ours.shop.purchase(n),
        productId: products[n % PRODUCTS] ?? '',
      }));
    },
  };
}

/** The drain alone: from when the service that fulfils orders continues until nothing is left. */
export const backlog: Dimension = {
  name: 'commands in a backlog',
  one: 5,
  prepare: async (ours) => async (factor, orders) => {
    const { system, shop } = ours;
    const service = system.app('order').service;
    const waiting = backlog.one * factor;
    const used: Cpu[] = [];
    let drained = 0;
    // a small backlog is drained several times, so that as many orders are measured
    while (drained < orders) {
      service?.signal('SIGSTOP');
      const commands = await Books.write(dataOf(ours), (books) =>
        books.pending(waiting, (n) => {
          const { customer, productId } = shop.purchase(n);
          return [customer.userId, productId];
        }),
      );
      for (const command of commands) await system.publish(command);
      const before = ours.cpu();
      service?.signal('SIGCONT');
      await busSettled(system, 600_000);
      used.push(cpuBetween(before, ours.cpu()));
      drained += waiting;
    }
    const names = Object.keys(used[0] ?? {});
    const total = (name: string) => used.reduce((all, one) => all + (one[name] ?? 0), 0);
    return { orders: drained, cpu: Object.fromEntries(names.map((name) => [name, total(name)])) };
  },
};

/** The number of settled orders that a stock remembers; the service keeps 256 at most. */
const settled = reservations('settled reservations of a product', 2, true);
const held = reservations('open reservations of a product', 10, false);

/** The backlog comes last: the products and customers of the shop keep its many orders. */
export const DIMENSIONS = [catalogue, deadLetters, ordersPerUser, settled, held, backlog];
