import { deterministicId } from '#kit/core/deterministic-id';
import { type Books, type Found, type OrderBook, type Said, distinct, orderOf } from '../books';

/** Said once in the life of an order, at most. */
const ONCE = [
  ...['order.created', 'order.confirmed', 'order.cancelled', 'inventory.reserved'],
  ...['inventory.released', 'payment.processed', 'payment.failed', 'delivery.scheduled'],
];
/** What is said of each order that was confirmed. */
const OF_CONFIRMED = [
  ...['order.created', 'inventory.reserved', 'payment.processed', 'delivery.scheduled'],
  ...['order.confirmed', 'order.status.updated', 'product.stock.updated'],
];

/** 5. What was done was said: by its story, and by what an order that ended so has behind it. */
export function everyChangeIsSaid({ orders, events }: Books): Found[] {
  const byOrder = Map.groupBy(events, (event) => orderOf(event) ?? '');
  // of what concerns a stock and no order, the trail tells which order it came of
  const byTrail = Map.groupBy(events, ({ correlationId }) => correlationId);
  return orders.flatMap((order) => {
    const its = byOrder.get(order.orderId) ?? [];
    const trails = new Set(its.map(({ correlationId }) => correlationId));
    const around = [...trails].flatMap((trail) => byTrail.get(trail) ?? []);
    const said = new Set([...its, ...around].map(({ topic }) => topic));
    const own = new Set(its.map(({ topic }) => topic));
    const missing = expectedOf(order, own).filter((topic) => !said.has(topic));
    if (missing.length === 0) return [];
    const message = `is ${order.status}, but these were never said: ${missing.join(', ')}`;
    return [{ about: order.orderId, message }];
  });
}

function expectedOf({ status, story, payment }: OrderBook, said: ReadonlySet<string>): string[] {
  const told = story.events.map(({ type }) => type);
  const refunded = payment?.refunds.some((refund) => refund.status === 'done') ?? false;
  return [
    ...new Set([
      ...told,
      ...(status === 'confirmed' ? OF_CONFIRMED : []),
      ...(status === 'cancelled' ? ['order.cancelled', 'order.status.updated'] : []),
      ...(status === 'cancelled' && said.has('inventory.reserved') ? ['inventory.released'] : []),
      ...(status === 'cancelled' && said.has('payment.processed') ? ['payment.refunded'] : []),
      ...(refunded ? ['payment.refunded'] : []),
    ]),
  ];
}

/** 5. What came about once was said as one event, however often it was said. */
export function everyChangeIsOneEvent({ events }: Books): Found[] {
  const about = Map.groupBy(distinct(events), (event) => changeIn(event) ?? '');
  return [...about].flatMap(([change, its]) => {
    if (change === '' || its.length === 1) return [];
    const ids = its.map(({ id, entry }) => `${id} (${entry})`).join(', ');
    return [{ about: change, message: `was said as ${its.length} events: ${ids}` }];
  });
}

/** What can come about only once, as text; undefined of what may come about again and again. */
function changeIn(event: Said): string | undefined {
  const { topic, data } = event;
  const orderId = orderOf(event);
  if (ONCE.includes(topic)) return `${topic} of ${orderId}`;
  if (topic === 'payment.refunded') return `${topic} of ${String(data['refundId'])}`;
  if (topic === 'notification.sent') return `${topic} of ${String(data['notificationId'])}`;
  if (topic === 'order.status.updated')
    return `${topic} of ${orderId} to ${String(data['status'])}`;
  if (topic !== 'product.stock.updated') return undefined;
  // of an order, or of an adjustment, whose reason is its key
  return `${topic} of ${event.subject} for ${orderId} ${String(data['reason'])}`;
}

/** By which channel a customer is told of what. */
const TOLD: Readonly<Record<string, readonly ('inbox' | 'email')[]>> = {
  'order.created': ['inbox'],
  'order.confirmed': ['inbox', 'email'],
  'order.cancelled': ['inbox', 'email'],
  'payment.processed': ['inbox'],
  'payment.failed': ['inbox'],
  'payment.refunded': ['inbox', 'email'],
  'delivery.scheduled': ['inbox'],
  'delivery.status.updated': ['inbox'],
};

/** 5. Each event had its effect on those who hear it, once: here on who is told of it. */
export function everyEventIsTold({ events, inboxes, emails }: Books): Found[] {
  const heard = distinct(events).filter(({ topic }) => topic in TOLD);
  const wanted = (channel: 'inbox' | 'email', its: readonly Said[]) =>
    new Map(
      its
        .filter(({ topic }) => TOLD[topic]?.includes(channel))
        .map((event) => [
          `ntf_${deterministicId(event.tenant, event.source, event.id, channel)}`,
          `${event.topic} ${event.id} of ${orderOf(event)}`,
        ]),
    );
  const missing = (channel: 'inbox' | 'email', its: readonly Said[], are: ReadonlySet<string>) =>
    [...wanted(channel, its)]
      .filter(([id]) => !are.has(id))
      .map(([id, event]) => ({ about: id, message: `${event} was not told by ${channel}` }));

  const byUser = Map.groupBy(heard, ({ data }) => String(data['userId']));
  const inbox = inboxes.flatMap(({ userId, ids }) => {
    const its = byUser.get(userId) ?? [];
    const known = wanted('inbox', its);
    const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
    return [
      ...missing('inbox', its, new Set(ids)),
      ...twice.map((id) => ({ about: id, message: `is twice in the inbox of ${userId}` })),
      ...ids
        .filter((id) => !known.has(id))
        .map((id) => ({ about: id, message: `tells ${userId} of what was never said` })),
    ];
  });
  const users = new Set(inboxes.map(({ userId }) => userId));
  const ours = heard.filter(({ data }) => users.has(String(data['userId'])));
  return [...inbox, ...missing('email', ours, new Set(emails))];
}

const ORDER_OF_TOPICS = ['order.created', 'order.confirmed', 'order.cancelled'];

/** 9. Of each order and stock: what came later has the higher number, and no number comes twice. */
export function sequencesRise({ events }: Books): Found[] {
  const said = distinct(events);
  const orders = Map.groupBy(
    said.filter(({ topic }) => ORDER_OF_TOPICS.includes(topic)),
    ({ subject }) => subject,
  );
  const stocks = Map.groupBy(
    said.filter(({ topic }) => topic === 'product.stock.updated'),
    ({ subject }) => subject,
  );
  const twice = [...stocks].flatMap(([subject, its]) => {
    const numbers = its.map(({ sequence }) => sequence);
    return numbers
      .filter((number, at) => numbers.indexOf(number) !== at)
      .map((number) => ({ about: subject, message: `has two changes of number ${number}` }));
  });
  const falling = [...orders].flatMap(([orderId, its]) => {
    const sorted = its.toSorted(
      (one, other) => ORDER_OF_TOPICS.indexOf(one.topic) - ORDER_OF_TOPICS.indexOf(other.topic),
    );
    const numbers = sorted.map(({ topic, sequence }) => `${topic} ${sequence}`).join(', ');
    const isRising = sorted.every(
      ({ sequence }, at) => at === 0 || sequence > (sorted[at - 1]?.sequence ?? 0),
    );
    return isRising ? [] : [{ about: orderId, message: `its numbers do not rise: ${numbers}` }];
  });
  return [...twice, ...falling];
}
