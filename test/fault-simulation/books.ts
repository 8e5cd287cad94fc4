import { z } from 'zod';
import { DEFAULT_TENANT } from '#kit/core/caller';
import type { CloudEvent } from '#kit/messages/cloud-event';
import { DeadLetter } from '#kit/delivery/dead-letters';
import type { Memory } from '#kit/testing/memory';
import { AdjustStock } from '#contracts/inventory';
import { CancelOrder, PlaceOrder } from '#contracts/order';
import { Delivery } from '../../services/delivery/domain';
import { Stock } from '../../services/inventory/domain';
import { DeliveredChannels, InboxNotification } from '../../services/notification/domain';
import { Order } from '../../services/order/domain';
import { Payment } from '../../services/payment/domain';
import type { LedgerEntry } from '../../services/payment/simulator/ledger';
import { Stock as Availability } from '../../services/product/domain';
import {
  type Books,
  type Channel,
  type ClientRequest,
  type DeadLetterBook,
  type NotificationBook,
  type OrderBook,
  type PublishedEvent,
  type ReturnBook,
  type StockBook,
  accepted,
  commanded,
  missingOrder,
  paymentBook,
  sum,
} from '../invariants/books';
import { captureOf, cents } from '../invariants/captures';
import { SHOP } from './clients';
import { APPS, type App } from './faults';
import { PRODUCTS, type Scenario } from './scenario';

type Memories = Readonly<Record<App, Memory>>;

const Page = z.object({ items: z.array(z.string()) });
const InboxPage = z.object({ items: z.array(InboxNotification) });
const Outcome = z.object({ refusal: z.unknown() });

export interface Sources {
  readonly scenario: Scenario;
  readonly memories: Memories;
  /** The ledger of the payment provider, by the key of each capture. */
  readonly ledger: ReadonlyMap<string, LedgerEntry>;
  readonly requests: readonly ClientRequest[];
  /** The dead letters before they were replayed. */
  readonly deadLettersBefore: readonly DeadLetterBook[];
}

/** Reads the documents of every service, the bus and the provider's ledger. */
export function readBooks(sources: Sources): Books {
  const { scenario, memories, ledger, requests, deadLettersBefore } = sources;
  const events = APPS.flatMap((app) => memories[app].events).map(publishedEvent);
  const books: Books = {
    requests,
    orders: [],
    stranded: [],
    stocks: openingStock(scenario).map((opening) => stockBook(memories, opening)),
    adjustments: [],
    inboxOverflows: scenario.hot,
    captures: [...ledger].map(([key, entry]) => captureOf(key, entry)),
    events,
    refusedCommands: refusedCommands(memories),
    // the simulation runs until nothing is in flight
    consumers: [],
    deadLettersBefore,
    deadLetters: deadLettersIn(memories),
    notifications: notificationBook(memories),
  };
  const orders = orderBooks(memories, books);
  const adjustments = [
    ...openingStock(scenario),
    ...adjustmentsIn(books),
    ...orders.flatMap(({ returns = [] }) => returns.flatMap(({ restocked }) => restocked)),
  ];
  return { ...books, adjustments, orders };
}

function publishedEvent(event: CloudEvent, index: number): PublishedEvent {
  const {
    type,
    id,
    source,
    subject,
    sequence,
    correlationid: correlationId,
    tenantid: tenant,
    data,
  } = event;
  return {
    entry: `event ${index}`,
    topic: type,
    id,
    source,
    subject,
    sequence,
    correlationId,
    tenant,
    // the data of every event is an object
    data: data as Readonly<Record<string, unknown>>,
  };
}

function stockBook(
  memories: Memories,
  { productId, change: opening }: ReturnType<typeof openingStock>[number],
): StockBook {
  const subject = `${SHOP}:${productId}`;
  const stock = read(memories.inventory, 'stocks', Stock).get(subject);
  const availability = read(memories.product, 'stocks', Availability).get(productId);
  const shown = availability?.shops[SHOP]?.left;
  if (stock === undefined) {
    const none = { available: 0, reserved: 0, minimumStock: 0, opening };
    return { productId, subject, ...none, shown, isMissing: true };
  }
  const { available, reserved, received, sold, minimumStock } = stock;
  return {
    productId,
    subject,
    available,
    reserved,
    received,
    sold,
    minimumStock,
    opening,
    shown,
  };
}

const openingStock = ({ pieces }: Scenario) =>
  PRODUCTS.map((productId, index) => ({ productId, change: pieces[index] ?? 0 }));

/** The adjustments that were commanded and not refused. */
function adjustmentsIn({ events, refusedCommands }: Books): Books['adjustments'] {
  const commands = events.filter(
    ({ topic, id }) => topic === AdjustStock.type && refusedCommands?.has(id) !== true,
  );
  const once = new Map(commands.map((command) => [command.id, command]));
  return [...once.values()].map(({ data }) => AdjustStock.data.parse(data));
}

/** The orders that have a document, and those that must have one. */
function orderBooks(memories: Memories, books: Books): OrderBook[] {
  const orders = read(memories.order, 'orders', Order);
  const lists = read(memories.order, 'list-byUser', Page);
  const payments = read(memories.payment, 'payments', Payment);
  const deliveries = read(memories.delivery, 'deliveries', Delivery);
  const expected = new Set([
    ...orders.keys(),
    ...accepted(books.requests).map(({ answer }) => answer.orderId),
    ...commanded(books, PlaceOrder.type),
    ...commanded(books, CancelOrder.type),
  ]);
  return [...expected].map((orderId) => {
    const order = orders.get(orderId);
    if (order === undefined) return missingOrder(orderId);
    const { userId, status, reason, totalAmount, items, story, confirmedAt } = order;
    const { channel, deliveryPrice, pickup, returns } = order;
    const listed = lists.get(`of:${userId}`)?.items.filter((id) => id === orderId) ?? [];
    const payment = payments.get(`pay_${orderId}`);
    const delivery = deliveries.get(orderId);
    const stored = memories.order.documents.get(`orders:${DEFAULT_TENANT}:${orderId}`);
    return {
      orderId,
      userId,
      status,
      ...(reason === undefined ? {} : { reason }),
      total: cents(totalAmount),
      items,
      price:
        sum(items.map(({ unitPrice, quantity }) => cents(unitPrice) * quantity)) +
        (deliveryPrice === undefined ? 0 : cents(deliveryPrice)),
      channel,
      ...(pickup === undefined ? {} : { pickup: pickup.status }),
      returns: returns.map(returnBook),
      listed: listed.length,
      logged: story.events.map(({ type }) => type),
      expires: stored?.expires !== Infinity,
      wasConfirmed: confirmedAt !== undefined,
      ...(payment === undefined ? {} : { payment: paymentBook(payment) }),
      ...(delivery === undefined ? {} : { delivery: delivery.status }),
    };
  });
}

function returnBook({ returnId, status, items, refunded }: Order['returns'][number]): ReturnBook {
  const isOver = status === 'completed';
  return {
    returnId,
    status,
    refunded: isOver && refunded !== undefined ? cents(refunded) : 0,
    restocked: items.flatMap(({ productId, restocked = 0 }) =>
      isOver && restocked > 0 ? { productId, change: restocked } : [],
    ),
  };
}

/** Commands whose stored result is a refusal. */
function refusedCommands(memories: Memories): Set<string> {
  const refused = new Set<string>();
  for (const memory of Object.values(memories)) {
    for (const [key, { json }] of memory.documents) {
      if (!key.startsWith('outcome:')) continue;
      const { refusal } = Outcome.parse(JSON.parse(json));
      if (refusal !== null) refused.add(key.slice('outcome:'.length));
    }
  }
  return refused;
}

const BINDINGS: readonly Channel[] = ['email', 'sms'];

function notificationBook({ notification }: Memories): NotificationBook {
  const inboxes = [...read(notification, 'list-inbox', InboxPage)].map(([userId, { items }]) => ({
    // the pages of a list have a number behind the user's id
    userId: userId.replace(/^of:/, '').replace(/:\d+$/, ''),
    entries: items.map(({ id, eventType: type }) => ({ id, type })),
  }));
  const messages = new Map<string, { channel: Channel; id: string }>();
  for (const { binding, data, metadata } of notification.sent) {
    const channel = BINDINGS.find((known) => known === binding);
    if (channel === undefined) throw new Error(`${binding} is not a channel`);
    const id = (metadata['fileName'] ?? '').replace(/\.json$/, '');
    messages.set(JSON.stringify([channel, id, data]), { channel, id });
  }
  const recorded = read(notification, 'told', DeliveredChannels);
  return {
    channels: ['inbox', 'email', 'sms'],
    inboxes,
    sent: [...messages.values()],
    recorded: new Map([...recorded].map(([key, { channels }]) => [key, channels])),
  };
}

/**
 * The dead letters of all services, as their lists show them. A document that is not listed is of a
 * dead letter whose storing failed halfway: its event was redelivered and handled.
 */
export function deadLettersIn(memories: Memories): DeadLetterBook[] {
  return APPS.flatMap((service) => {
    const memory = memories[service];
    const listed = documents(memory, 'list-dead-letters::of:all', Page).get('')?.items ?? [];
    if (listed.length === 0) return [];
    const letters = documents(memory, 'dead-letter::', DeadLetter);
    return listed.map((id) => {
      const letter = letters.get(id);
      if (letter === undefined)
        throw new Error(`${service} lists a dead letter ${id} that is gone`);
      const { type, reason, message } = letter;
      return { service, id, type, reason, message };
    });
  });
}

/** All documents of a store, by their keys. */
function read<T>(memory: Memory, store: string, schema: z.ZodType<T>): Map<string, T> {
  return documents(memory, `${store}:${DEFAULT_TENANT}:`, schema);
}

function documents<T>(memory: Memory, prefix: string, schema: z.ZodType<T>): Map<string, T> {
  const found = new Map<string, T>();
  for (const [key, { json }] of memory.documents) {
    if (!key.startsWith(prefix)) continue;
    const { data } = JSON.parse(json) as { data: unknown };
    found.set(key.slice(prefix.length), schema.parse(data));
  }
  return found;
}
