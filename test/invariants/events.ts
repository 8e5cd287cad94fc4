import { isDeepStrictEqual } from 'node:util';
import { DeliveryScheduled, DeliveryStatusUpdated } from '#contracts/delivery';
import { InventoryReleased, InventoryReserved, StockUpdated } from '#contracts/inventory';
import { NotificationSent } from '#contracts/notification';
import {
  CancelOrder,
  OrderCancelled,
  OrderConfirmed,
  OrderCreated,
  OrderStatusUpdated,
  PickupUpdated,
  ReturnUpdated,
} from '#contracts/order';
import { PaymentFailed, PaymentProcessed, RefundProcessed } from '#contracts/payment';
import {
  type Books,
  type Finding,
  type OrderBook,
  type PublishedEvent,
  distinct,
  orderOf,
} from './books';

/** Published at most once in the life of an order. */
const ONCE: readonly string[] = [
  ...[OrderCreated, OrderConfirmed, OrderCancelled, InventoryReserved, InventoryReleased],
  ...[PaymentProcessed, PaymentFailed, DeliveryScheduled],
].map(({ type }) => type);

/** The reason of a change of a stock by a return. */
const RETURNED = 'returned';

/** How many times an order's events of one type must have been published. */
interface Expected {
  readonly what: string;
  readonly least: number;
  readonly most: number;
  readonly is: number;
}

/** Each committed change was published, by the saga log of its order and by what the order has come to. */
export function everyChangeIsPublished(books: Books): Finding[] {
  const { orders, events } = books;
  const once = distinct(events);
  const byOrder = Map.groupBy(once, (event) => orderOf(event) ?? '');
  // an event about a stock names no order; its correlation id leads to one
  const byTrail = Map.groupBy(once, ({ correlationId }) => correlationId);
  return orders.flatMap((order) => {
    const its = byOrder.get(order.orderId) ?? [];
    const trails = new Set(its.map(({ correlationId }) => correlationId));
    const around = [...trails].flatMap((trail) => byTrail.get(trail) ?? []);
    const published = new Set([...its, ...around].map(({ topic }) => topic));
    const logged = [...new Set(order.logged)].filter((topic) => !published.has(topic));
    const missing = [
      ...logged,
      ...expectedOf(books, order, its)
        .filter(({ is, least }) => is < least)
        .map(({ what }) => what),
    ];
    if (missing.length === 0) return [];
    const message = `is ${order.status}, and these were never published: ${missing.join(', ')}`;
    return [{ about: order.orderId, message }];
  });
}

/** A change that was published again has the id of the first time. */
export function everyChangeIsOneEvent(books: Books): Finding[] {
  const { events, orders, inboxOverflows } = books;
  const once = distinct(events);
  const changes = Map.groupBy(once, (event) => changeIn(event, inboxOverflows) ?? '');
  const doubled = [...changes].flatMap(([about, its]) => {
    if (about === '' || its.length === 1) return [];
    const ids = its.map(({ id, entry }) => `${id} (${entry})`).join(', ');
    return [{ about, message: `was published as ${its.length} events: ${ids}` }];
  });
  const byOrder = Map.groupBy(once, (event) => orderOf(event) ?? '');
  const tooMany = orders.flatMap((order) =>
    expectedOf(books, order, byOrder.get(order.orderId) ?? [])
      .filter(({ is, most }) => is > most)
      .map(({ what, is, most }) => ({
        about: order.orderId,
        message: `is ${order.status}: ${what} was published as ${is} events, at most ${most} expected`,
      })),
  );
  return [...doubled, ...tooMany];
}

/** The change that an event is about, where it can happen only once. */
function changeIn(event: PublishedEvent, inboxOverflows: boolean): string | undefined {
  const { topic, data } = event;
  const orderId = orderOf(event);
  if (ONCE.includes(topic)) return `${topic} of ${orderId}`;
  switch (topic) {
    case RefundProcessed.type:
      return `${topic} of ${String(data['refundId'])}`;
    case NotificationSent.type:
      return `${topic} of ${String(data['notificationId'])}`;
    case ReturnUpdated.type:
      return `${topic} of ${String(data['returnId'])} to ${String(data['status'])}`;
    case PickupUpdated.type:
    case OrderStatusUpdated.type:
    case DeliveryStatusUpdated.type:
      return `${topic} of ${orderId} to ${String(data['status'])}`;
    case StockUpdated.type:
      // For an order, or for an adjustment, whose reason is its key. An order may have several returns of a
      // product: see ofReturns.
      return inboxOverflows || data['reason'] === RETURNED
        ? undefined
        : `${topic} of ${event.subject} for ${orderId} ${String(data['reason'])}`;
    default:
      return undefined;
  }
}

type Count = (contract: { type: string }, data?: Readonly<Record<string, unknown>>) => number;

/** What an order that has come to this has published. */
function expectedOf(
  books: Books,
  order: OrderBook,
  events: readonly PublishedEvent[],
): readonly Expected[] {
  if (order.status === 'missing') return [];
  const count: Count = ({ type }, data = {}) =>
    events.filter(
      (event) =>
        event.topic === type &&
        Object.entries(data).every(([name, value]) => event.data[name] === value),
    ).length;
  const expected: Expected[] = [];
  const expect = (
    contract: { type: string },
    least: number,
    most = least,
    data?: Readonly<Record<string, unknown>>,
  ) => {
    const what = data === undefined ? contract.type : `${contract.type} ${JSON.stringify(data)}`;
    expected.push({ what, least, most, is: count(contract, data) });
  };
  const isWithdrawn = count(CancelOrder, { reason: order.reason }) > 0;
  ofOrder(order, { isWithdrawn, inboxOverflows: books.inboxOverflows }, count, expect);
  ofPayment(order, count, expect);
  ofDelivery(order, expect);
  ofPickup(order, expect);
  ofReturns(order, books.inboxOverflows, expect);
  return expected;
}

type Expect = (
  contract: { type: string },
  least: number,
  most?: number,
  data?: Readonly<Record<string, unknown>>,
) => void;

function ofOrder(
  { status, wasConfirmed = true }: OrderBook,
  { isWithdrawn, inboxOverflows }: { isWithdrawn: boolean; inboxOverflows: boolean },
  count: Count,
  expect: Expect,
): void {
  const isCancelled = status === 'cancelled' ? 1 : 0;
  const confirmed = count(OrderConfirmed);
  expect(OrderCancelled, isCancelled);
  expect(OrderStatusUpdated, isCancelled, isCancelled, { status: 'cancelled' });
  expect(OrderStatusUpdated, confirmed, confirmed, { status: 'confirmed' });
  if (status === 'confirmed') {
    for (const contract of [OrderCreated, OrderConfirmed, InventoryReserved]) expect(contract, 1);
    expect(InventoryReleased, 0);
    // of a stock that lost inbox entries not every change is published
    if (!inboxOverflows) expect(StockUpdated, 1, Infinity);
    return;
  }
  // a cancellation on request may come before the order, or its confirmation, is published
  expect(OrderCreated, isWithdrawn || status === 'pending' ? 0 : 1, 1);
  expect(OrderConfirmed, 0, wasConfirmed ? 1 : 0);
  expect(InventoryReserved, 0, 1);
  expect(InventoryReleased, Math.min(1, count(InventoryReserved)), 1);
}

function ofPayment({ status, payment }: OrderBook, count: Count, expect: Expect): void {
  const isDeclined = payment?.status === 'declined';
  const isTaken = payment?.amount !== undefined && !isDeclined ? 1 : 0;
  expect(PaymentProcessed, isTaken);
  expect(PaymentFailed, isDeclined ? 1 : 0);
  const done = payment?.refunds.filter((refund) => refund.status === 'done') ?? [];
  expect(RefundProcessed, done.length);
  for (const { refundId } of done) expect(RefundProcessed, 1, 1, { refundId });
  if (status === 'cancelled' && count(PaymentProcessed) > 0) expect(RefundProcessed, 1, Infinity);
}

function ofDelivery({ delivery = 'none' }: OrderBook, expect: Expect): void {
  const isPlanned = delivery !== 'none' && delivery !== 'refused';
  expect(DeliveryScheduled, isPlanned ? 1 : 0);
  if (!isPlanned || delivery === 'scheduled') return;
  expect(DeliveryStatusUpdated, 1, 1, { status: delivery });
}

function ofPickup({ pickup }: OrderBook, expect: Expect): void {
  const isCollected = pickup === 'collected';
  expect(PickupUpdated, isCollected || pickup === 'ready' ? 1 : 0, undefined, { status: 'ready' });
  expect(PickupUpdated, isCollected ? 1 : 0, undefined, { status: 'collected' });
}

const RETURN_STATUSES = ['requested', 'received', 'completed', 'rejected'];

function ofReturns({ returns = [] }: OrderBook, inboxOverflows: boolean, expect: Expect): void {
  for (const { returnId, status } of returns) {
    for (const each of RETURN_STATUSES) {
      const isReached =
        each === status || each === 'requested' || (each === 'received' && status !== 'requested');
      expect(ReturnUpdated, isReached ? 1 : 0, undefined, { returnId, status: each });
    }
  }
  if (inboxOverflows) return;
  const restocked = returns.flatMap((one) => one.restocked.map(({ productId }) => productId));
  for (const productId of new Set(restocked)) {
    const times = restocked.filter((one) => one === productId).length;
    expect(StockUpdated, times, times, { productId, reason: RETURNED });
  }
}

/** All events that were published under one id are the same event. */
export function oneIdOneEvent({ events }: Books): Finding[] {
  const byId = Map.groupBy(events, ({ id }) => id);
  return [...byId].flatMap(([id, [first, ...copies]]) =>
    copies.every(
      ({ topic, subject, data }) =>
        topic === first?.topic && subject === first.subject && isDeepStrictEqual(data, first.data),
    )
      ? []
      : [{ about: id, message: `is the id of two different events of ${first?.topic}` }],
  );
}

/** In the order in which they happen. */
const IN_ORDER: readonly string[] = [OrderCreated.type, OrderConfirmed.type, OrderCancelled.type];

/** The later event of an order has the higher sequence number, and no number of a stock comes twice. */
export function sequencesRise({ events, inboxOverflows }: Books): Finding[] {
  const ofOrders = Map.groupBy(
    events.filter(({ topic }) => IN_ORDER.includes(topic)),
    ({ subject }) => subject,
  );
  const falling = [...ofOrders].flatMap(([about, its]): Finding[] => {
    const sorted = its.toSorted(
      (one, other) => IN_ORDER.indexOf(one.topic) - IN_ORDER.indexOf(other.topic),
    );
    const isRising = sorted.every(
      ({ topic, sequence }) =>
        sequence >= 1 &&
        sorted.every(
          (later) =>
            IN_ORDER.indexOf(later.topic) <= IN_ORDER.indexOf(topic) || later.sequence > sequence,
        ),
    );
    if (isRising) return [];
    const numbers = sorted.map(({ topic, sequence }) => `${topic} ${sequence}`).join(', ');
    return [{ about, message: `its sequence numbers do not rise: ${numbers}` }];
  });
  if (inboxOverflows) return falling;
  const ofStocks = Map.groupBy(
    distinct(events).filter(({ topic }) => topic === StockUpdated.type),
    ({ subject }) => subject,
  );
  const twice = [...ofStocks].flatMap(([about, its]) => {
    const numbers = its.map(({ sequence }) => sequence);
    return numbers
      .filter((number, at) => numbers.indexOf(number) !== at)
      .map((number) => ({ about, message: `has two changes with sequence number ${number}` }));
  });
  return [...twice, ...falling];
}
