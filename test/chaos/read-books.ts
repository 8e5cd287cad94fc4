import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { minor } from '#retail/money';
import {
  DeadLetters,
  Delivery,
  type Edge,
  Notifications,
  Orders,
  Payment,
  Product,
  Stock,
  Story,
  Order,
} from '../e2e/edge';
import { type Market, SHOP, type Shopper } from '../e2e/market';
import { type Books, type CaptureBook, type OrderBook, accepted, orderOf } from './books';
import type { BrokerLog } from '../harness/bus/broker-log';
import { saidIn } from './bus-log';
import type { Asked } from './ledger';
import { SERVICES } from './load';

const AT_ONCE = 16;
const LIMIT = 100;

export interface Reading {
  readonly market: Market;
  readonly bus: BrokerLog;
  readonly shoppers: readonly Shopper[];
  readonly products: readonly string[];
  readonly asked: readonly Asked[];
  readonly captures: readonly CaptureBook[];
  readonly stranded: readonly string[];
}

/** Reads everything from outside, as it is now: through the edge, and from the broker's own log. */
export async function readBooks(reading: Reading): Promise<Books> {
  const { market, bus, shoppers, products, asked, captures, stranded } = reading;
  const events = (await bus.entries()).map(saidIn);
  const orders = await readOrders(
    reading,
    events.flatMap((event) => orderOf(event) ?? []),
  );
  const stocks = await all(products, async (productId) => {
    const path = `/inventory/${SHOP}/${productId}`;
    const { available, reserved } = await market.admin.get(Stock, path);
    const { availability: shown } = await market.admin.get(Product, `/products/${productId}`);
    return { productId, available, reserved, shown };
  });
  const inboxes = await all(shoppers, async (shopper) => {
    const items = await everyPage(shopper, Notifications, '/notifications');
    return { userId: shopper.userId, ids: items.map(({ notificationId }) => notificationId) };
  });
  const letters = await all(SERVICES, async (service) => {
    const items = await everyPage(market.admin, DeadLetters, `/admin/dead-letters/${service}`);
    return items.map(({ id, type, message }) => ({ service, id, type, message }));
  });
  const groups = await bus.groups();
  const emails = emailsIn(market.world.folder);
  return {
    ...{ asked, orders, stranded, stocks, captures, events, groups, inboxes, emails },
    letters: letters.flat(),
  };
}

/** Every order that is listed, was accepted, or was begun. */
async function readOrders(
  { market, shoppers, asked }: Reading,
  begun: readonly string[],
): Promise<OrderBook[]> {
  const listed = (await all(shoppers, (shopper) => everyPage(shopper, Orders, '/orders'))).flat();
  const counts = Map.groupBy(listed, ({ orderId }) => orderId);
  const ids = new Set([
    ...counts.keys(),
    ...accepted(asked).map(({ orderId }) => orderId),
    ...begun,
  ]);
  return all([...ids], async (orderId): Promise<OrderBook> => {
    const order = counts.get(orderId)?.[0] ?? (await there(market.admin, orderId));
    if (order === undefined) return missing(orderId);
    const { userId, status, reason, items, totalAmount, paymentId, deliveryId } = order;
    const story = await market.admin.get(Story, `/orders/${orderId}/story`);
    const payment =
      paymentId === undefined
        ? undefined
        : await market.admin.get(Payment, `/payments/${paymentId}`);
    const delivery =
      deliveryId === undefined
        ? undefined
        : await market.admin.get(Delivery, `/deliveries/${orderId}`);
    return {
      ...{ orderId, userId, status, items, story },
      ...(reason === undefined ? {} : { reason }),
      total: Number(minor(totalAmount)),
      listed: counts.get(orderId)?.length ?? 0,
      ...(payment === undefined ? {} : { payment: inCents(payment) }),
      ...(delivery === undefined ? {} : { delivery: delivery.status }),
    };
  });
}

function missing(orderId: string): OrderBook {
  const nothing = { items: [], total: 0, listed: 0, story: { events: [] } };
  return { orderId, userId: '', status: 'missing', ...nothing };
}

function inCents({ status, refunds }: z.infer<typeof Payment>) {
  return {
    status,
    refunds: refunds.map((refund) => ({ ...refund, amount: Number(minor(refund.amount)) })),
  };
}

async function there(admin: Edge, orderId: string): Promise<Order | undefined> {
  const answer = await admin.send('GET', `/orders/${orderId}`);
  if (answer.status === 404) return undefined;
  return admin.get(Order, `/orders/${orderId}`);
}

/** All items of a list, page by page. */
async function everyPage<T>(
  edge: Edge,
  schema: z.ZodType<{ items: T[]; total: number }>,
  path: string,
): Promise<T[]> {
  const items: T[] = [];
  for (let page = 1; ; page++) {
    const answer = await edge.get(schema, `${path}?page=${page}&limit=${LIMIT}`);
    items.push(...answer.items);
    if (page * LIMIT >= answer.total) return items;
  }
}

/** Does something with each of them, some at a time, in their order. */
async function all<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [at, item] of queue) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

function emailsIn(folder: string): string[] {
  const files = readdirSync(join(folder, 'data', 'messages', 'email'), { recursive: true });
  return files.map((file) => String(file).replace(/^.*\/|\.json$/g, ''));
}
