import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  DeadLetters,
  type Edge,
  Notifications,
  Orders,
  Product,
  Stock,
  Story,
  Order,
} from '../e2e/edge';
import { type EdgeFixture, SHOP, type Shopper } from '../e2e/fixtures';
import type { BrokerLog } from '../harness/bus/broker-log';
import { eachOf } from '../tools/each-of';
import {
  type Books,
  type ClientRequest,
  type DeadLetterBook,
  type NotificationBook,
  type OrderBook,
  type StockBook,
  accepted,
  missingOrder,
  orderOf,
  paymentBook,
} from '../invariants/books';
import { type CaptureBook, cents } from '../invariants/captures';
import { clientRequest } from './client-requests';
import { SERVICES } from './load';
import { publishedEvent } from './published-events';
import type { LoggedRequest } from './request-log';

const CONCURRENCY = 16;
const LIMIT = 100;

export interface Sources {
  readonly fixture: EdgeFixture;
  readonly bus: BrokerLog;
  readonly shoppers: readonly Shopper[];
  readonly products: readonly string[];
  readonly requests: readonly LoggedRequest[];
  readonly captures: readonly CaptureBook[];
  readonly stranded: readonly string[];
  /** The ids of the messages that were sent by email; absent where they cannot be read. */
  readonly emails?: readonly string[];
}

/** Reads everything from outside, as it is now: through the edge, and from the broker's own log. */
export async function readBooks(sources: Sources): Promise<Books> {
  const { fixture, bus, shoppers, products, captures, stranded } = sources;
  const events = (await bus.entries()).map(publishedEvent);
  const requests = sources.requests.map(clientRequest);
  const begun = events.flatMap((event) => orderOf(event) ?? []);
  return {
    requests,
    orders: await readOrders(fixture, shoppers, requests, begun),
    stranded,
    stocks: await eachOf(products, CONCURRENCY, (productId) => readStock(fixture, productId)),
    adjustments: adjustmentsIn(sources.requests),
    inboxOverflows: false,
    captures,
    events,
    consumers: await bus.groups(),
    // operators replay dead letters during the load, so that most of them are gone by now
    deadLettersBefore: [],
    deadLetters: await readDeadLetters(fixture),
    notifications: await readNotifications(sources),
  };
}

async function readStock({ admin }: EdgeFixture, productId: string): Promise<StockBook> {
  const { available, reserved, minimumStock } = await admin.get(
    Stock,
    `/inventory/${SHOP}/${productId}`,
  );
  const { availability: shown } = await admin.get(Product, `/products/${productId}`);
  return {
    productId,
    subject: `${SHOP}:${productId}`,
    available,
    reserved,
    minimumStock,
    opening: 0,
    shown,
  };
}

const Adjustment = z.object({ change: z.number() });

/** The adjustments that the edge has answered as done, each key once. */
function adjustmentsIn(requests: readonly LoggedRequest[]): Books['adjustments'] {
  const done = requests.filter(({ kind, status }) => kind === 'adjust' && status === 200);
  const once = new Map(done.map((request) => [request.key, request]));
  return [...once.values()].map(({ path, body }) => ({
    productId: path.split('/')[3] ?? '',
    change: Adjustment.parse(body).change,
  }));
}

/** Every order that is listed, was accepted, or has an event or a command. */
async function readOrders(
  { admin }: EdgeFixture,
  shoppers: readonly Shopper[],
  requests: readonly ClientRequest[],
  begun: readonly string[],
): Promise<OrderBook[]> {
  const lists = await eachOf(shoppers, CONCURRENCY, (shopper) =>
    everyPage(shopper, Orders, '/orders'),
  );
  const listed = Map.groupBy(lists.flat(), ({ orderId }) => orderId);
  const ids = new Set([
    ...listed.keys(),
    ...accepted(requests).map(({ answer }) => answer.orderId),
    ...begun,
  ]);
  return eachOf([...ids], CONCURRENCY, async (orderId): Promise<OrderBook> => {
    const copies = listed.get(orderId) ?? [];
    const order = copies[0] ?? (await maybe(admin, Order, `/orders/${orderId}`));
    return order === undefined ? missingOrder(orderId) : readOrder(admin, order, copies.length);
  });
}

const Payment = z.object({
  status: z.string(),
  // a payment that was voided before its charge was known has none
  amount: z.object({ amount: z.string(), currency: z.string() }).nullish(),
  refunds: z
    .array(
      z.object({
        refundId: z.string(),
        amount: z.object({ amount: z.string(), currency: z.string() }),
        status: z.string(),
      }),
    )
    .default([]),
});
const Delivery = z.object({ status: z.string() });

async function readOrder(admin: Edge, order: Order, listed: number): Promise<OrderBook> {
  const { orderId, userId, status, reason, items, totalAmount } = order;
  const story = await admin.get(Story, `/orders/${orderId}/story`);
  const payment = await maybe(admin, Payment, `/payments/pay_${orderId}`);
  const delivery = await maybe(admin, Delivery, `/deliveries/${orderId}`);
  return {
    orderId,
    userId,
    status,
    ...(reason === undefined ? {} : { reason }),
    total: cents(totalAmount),
    items,
    listed,
    logged: story.events.map(({ type }) => type),
    expires: false,
    ...(payment === undefined ? {} : { payment: paymentBook(payment) }),
    ...(delivery === undefined ? {} : { delivery: delivery.status }),
  };
}

async function readDeadLetters({ admin }: EdgeFixture): Promise<DeadLetterBook[]> {
  const letters = await eachOf(SERVICES, CONCURRENCY, async (service) => {
    const items = await everyPage(admin, DeadLetters, `/admin/dead-letters/${service}`);
    return items.map(({ id, type, reason, message }) => ({ service, id, type, reason, message }));
  });
  return letters.flat();
}

async function readNotifications({ shoppers, emails }: Sources): Promise<NotificationBook> {
  const inboxes = await eachOf(shoppers, CONCURRENCY, async (shopper) => {
    const items = await everyPage(shopper, Notifications, '/notifications');
    const entries = items.map(({ notificationId: id, eventType: type }) => ({ id, type }));
    return { userId: shopper.userId, entries };
  });
  // the customers of this system have no phone number
  if (emails === undefined) return { channels: ['inbox'], inboxes, sent: [] };
  const sent = emails.map((id) => ({ channel: 'email' as const, id }));
  return { channels: ['inbox', 'email'], inboxes, sent };
}

/** The ids of the emails that a system has written to its folder. */
export function emailsIn(folder: string): string[] {
  const files = readdirSync(join(folder, 'data', 'messages', 'email'), { recursive: true });
  return files
    .map(String)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.replace(/^.*\/|\.json$/g, ''));
}

/** Undefined where the edge answers 404. */
async function maybe<S extends z.ZodType>(
  admin: Edge,
  schema: S,
  path: string,
): Promise<z.output<S> | undefined> {
  const answer = await admin.send('GET', path);
  return answer.status === 404 ? undefined : admin.get(schema, path);
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
