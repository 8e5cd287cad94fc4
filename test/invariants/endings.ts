import { CancelOrder, OrderCancelled, OrderConfirmed, PlaceOrder } from '#contracts/order';
import { cancelRequests } from './answers';
import {
  type Books,
  type Finding,
  type OrderBook,
  PICKUP_EXPIRED,
  accepted,
  commanded,
  distinct,
  orderOf,
} from './books';

interface Endings {
  /** The orders that a PlaceOrder or a CancelOrder was published for. */
  readonly placed: ReadonlySet<string>;
  readonly withdrawn: ReadonlySet<string>;
  readonly accepted: ReadonlySet<string>;
  /** The orders that a client asked to cancel. */
  readonly cancels: ReadonlySet<string>;
  /** Times that an ending was published, by order. */
  readonly confirmed: ReadonlyMap<string, number>;
  readonly cancelled: ReadonlyMap<string, number>;
}

/** Each order that was accepted or commanded ends, confirmed or cancelled, and publishes that once. */
export function everyOrderEnds(books: Books): Finding[] {
  const { orders, events, requests, stranded } = books;
  const once = distinct(events);
  const timesOf = (type: string) => {
    const times = new Map<string, number>();
    for (const event of once) {
      const orderId = orderOf(event);
      if (event.topic !== type || orderId === undefined) continue;
      times.set(orderId, (times.get(orderId) ?? 0) + 1);
    }
    return times;
  };
  const endings: Endings = {
    placed: commanded(books, PlaceOrder.type),
    withdrawn: commanded(books, CancelOrder.type),
    accepted: new Set(accepted(requests).map(({ answer }) => answer.orderId)),
    cancels: cancelRequests(requests),
    confirmed: timesOf(OrderConfirmed.type),
    cancelled: timesOf(OrderCancelled.type),
  };
  return orders.flatMap((order) => {
    const about = order.orderId;
    const found = [...ofOrder(order, endings), ...ofDelivery(order), ...ofPickup(order)];
    if (stranded.includes(about)) found.push('was stranded until a dead letter was replayed');
    return found.map((message) => ({ about, message }));
  });
}

function ofOrder(order: OrderBook, endings: Endings): string[] {
  const { orderId, status, reason, expires, wasConfirmed = true } = order;
  const isCommanded = endings.placed.has(orderId) || endings.withdrawn.has(orderId);
  if (status === 'missing') return ['was accepted or commanded, and is lost'];
  // until it is commanded, an order is abandoned with its client's request
  if (!isCommanded && !endings.accepted.has(orderId) && expires) return [];
  if (!isCommanded && endings.accepted.has(orderId)) {
    return ['was accepted, and no command to fulfil it was published'];
  }
  if (status !== 'confirmed' && status !== 'cancelled') return [`stays ${status} for ever`];
  if (expires) return [`is ${status} and will expire`];
  const confirmed = endings.confirmed.get(orderId) ?? 0;
  const cancelled = endings.cancelled.get(orderId) ?? 0;
  if (confirmed > 1 || cancelled > 1) {
    return [`was published as confirmed ${confirmed} and as cancelled ${cancelled} times`];
  }
  if (status === 'confirmed' && (confirmed !== 1 || cancelled !== 0)) {
    return [`is confirmed, which was published ${confirmed} times, its end ${cancelled} times`];
  }
  if (status === 'cancelled' && cancelled !== 1)
    return ['is cancelled, and that was not published'];
  if (status === 'cancelled' && confirmed === 1) {
    if (!wasConfirmed) return ['was published as confirmed, and never was'];
    const isRequested = endings.cancels.has(orderId) || reason === PICKUP_EXPIRED;
    if (!isRequested) return ['was confirmed, and cancelled without a request'];
  }
  return [];
}

const NOT_BROUGHT = ['none', 'refused', 'cancelled'];

/** A confirmed online order is delivered, and no other order is. */
function ofDelivery({ status, channel = 'online', delivery = 'none' }: OrderBook): string[] {
  const isBrought = !NOT_BROUGHT.includes(delivery);
  const mustBe = status === 'confirmed' && channel === 'online';
  if (status === 'missing' || isBrought === mustBe) return [];
  return [`is ${status}, and its delivery is ${delivery}`];
}

/** An order that was ready is collected, or cancelled when its time is over. */
function ofPickup({ status, pickup }: OrderBook): string[] {
  return status === 'confirmed' && pickup === 'ready' ? ['stays ready for pickup for ever'] : [];
}

/** An order is cancelled if its cancellation was accepted, in an answer to a client or by its command. */
export function cancellationsHappen(books: Books): Finding[] {
  const { requests, orders, refusedCommands } = books;
  const status = new Map(orders.map((order) => [order.orderId, order.status]));
  const answered = requests.flatMap(({ kind, orderId = '', name, answer }) =>
    kind === 'cancel' && answer?.outcome === 'accepted' ? [{ orderId, by: name }] : [],
  );
  // where the books cannot tell which commands were refused, any of them may have been
  const withdrawn = refusedCommands === undefined ? [] : [...commanded(books, CancelOrder.type)];
  const all = [...answered, ...withdrawn.map((orderId) => ({ orderId, by: CancelOrder.type }))];
  return all.flatMap(({ orderId, by }) => {
    const is = status.get(orderId);
    if (is === 'cancelled') return [];
    return [{ about: orderId, message: `is ${is}, though its cancellation was accepted (${by})` }];
  });
}
