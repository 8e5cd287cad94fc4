import { Code, MicroserviceError } from '#kit/core/errors';
import { type SagaStep, type SagaLog, appendSagaLog, eventsLogged } from '#kit/saga/saga-log';
import { OrderCancelled, OrderConfirmed, OrderStatusUpdated } from '#contracts/order';
import type { Order, Undo } from './domain';
import type { OrderRequest } from './requests';

/** Why fulfilment fails, and what is then undone: the last step that was done, first. */
export const FAILURES = {
  out_of_stock: [],
  payment_failed: ['release'],
  // another run of the fulfilment may have come further by now
  payment_unknown: ['cancel_delivery', 'void', 'release'],
  undeliverable: ['refund', 'release'],
} as const satisfies Record<string, readonly Undo[]>;

/**
 * How far the fulfilment of a pending order is, nobody knows: all of it is undone, and barred. Its
 * delivery is cancelled before it is withdrawn, confirmed or not, since that may be refused.
 */
const UNDO_PENDING: Undo[] = ['void', 'release'];
const UNDO_CONFIRMED: Undo[] = ['refund', 'return'];

/** What fulfilment came to. */
export type Verdict =
  | { confirmed: true; paymentId: string; deliveryId: string }
  | { confirmed: false; reason: keyof typeof FAILURES; paymentId?: string };

interface Placing {
  orderId: string;
  userId: string;
  fingerprint: string;
  wanted: OrderRequest;
  purchase: Pick<Order, 'items' | 'totalAmount'>;
  step: SagaStep;
}

/** A new order, that nobody has heard of. */
export function placed({ orderId, userId, fingerprint, wanted, purchase, step }: Placing): Order {
  const { shopId, payment, deliveryAddress } = wanted;
  return {
    ...{ orderId, userId, shopId, status: 'pending', ...purchase },
    ...{ instructions: { payment, deliveryAddress }, fingerprint, undo: [] },
    ...{ story: { steps: [step], events: [] }, createdAt: step.at, updatedAt: step.at },
  };
}

/**
 * Settles a pending order, or begins to cancel it. Of an order that is decided already only the
 * story is completed; without a verdict nothing is.
 */
export function decided(
  order: Order,
  verdict: Verdict | undefined,
  told: SagaLog,
  at: string,
): Order {
  if (verdict === undefined) return order;
  const story = appendSagaLog(order.story, told);
  if (order.status !== 'pending') return { ...order, story: inTime(story) };
  const { confirmed, ...facts } = verdict;
  const now = { ...withoutInstructions(order), ...facts, story, updatedAt: at };
  if (!verdict.confirmed) {
    return { ...now, status: 'cancelling', undo: [...FAILURES[verdict.reason]] };
  }
  return {
    ...now,
    status: 'confirmed',
    confirmedAt: at,
    story: appendSagaLog(story, eventsLogged(at, OrderConfirmed, OrderStatusUpdated)),
  };
}

/**
 * Begins to cancel an order for its buyer; one that is being cancelled stays as it is.
 * Throws ABORTED where it has just been confirmed, which is to be said first: to be tried again.
 */
export function withdrawn(
  order: Order,
  reason: string,
  knownAsConfirmed: boolean,
  told: SagaLog,
  at: string,
): Order {
  if (order.status === 'cancelling' || order.status === 'cancelled') return order;
  const confirmed = order.status === 'confirmed';
  if (confirmed && !knownAsConfirmed) {
    throw new MicroserviceError('the order has just been confirmed', Code.ABORTED);
  }
  return {
    ...withoutInstructions(order),
    status: 'cancelling',
    reason,
    undo: confirmed ? UNDO_CONFIRMED : UNDO_PENDING,
    story: appendSagaLog(order.story, told),
    updatedAt: at,
  };
}

/** Settles an order that is being cancelled, once everything is undone. */
export function cancelled(order: Order, told: SagaLog, at: string): Order {
  if (order.status !== 'cancelling') return order;
  const events = eventsLogged(at, OrderCancelled, OrderStatusUpdated);
  return {
    ...order,
    status: 'cancelled',
    story: appendSagaLog(appendSagaLog(order.story, told), events),
    updatedAt: at,
  };
}

/**
 * What is to be undone now. An order that was never confirmed may have got something after it was
 * cancelled, from a fulfilment that was still under way: so all of it is undone once more.
 */
export function toUndo({ status, confirmedAt, undo }: Order): readonly Undo[] {
  return status === 'cancelling' || confirmedAt === undefined ? undo : [];
}

function withoutInstructions(order: Order): Order {
  const { instructions, ...rest } = order;
  return rest;
}

function inTime({ steps, events }: SagaLog): SagaLog {
  const earlier = (one: { at: string }, other: { at: string }) => (one.at < other.at ? -1 : 1);
  return { steps: steps.toSorted(earlier), events: events.toSorted(earlier) };
}
