import { Code, MicroserviceError, refused } from '#kit/core/errors';
import { type SagaStep, type SagaLog, appendSagaLog, eventsLogged } from '#kit/saga/saga-log';
import { OrderCancelled, OrderConfirmed, OrderStatusUpdated } from '#contracts/order';
import { type Compensation, type Order, type Pickup, type Priced, isDelivered } from './domain';
import type { OrderRequest } from './requests';

// The state transitions of an order: pure functions of the stored order.

/** Why fulfilment fails, and what is compensated then: the last step first. */
export const COMPENSATIONS_BY_FAILURE = {
  out_of_stock: [],
  payment_failed: ['release'],
  // a concurrent execution may have scheduled the delivery by now
  payment_unknown: ['cancel_delivery', 'void', 'release'],
  undeliverable: ['refund', 'release'],
} as const satisfies Record<string, readonly Compensation[]>;

/**
 * The progress of a pending order is unknown: run every compensation and block late steps. The
 * delivery is not in these lists: it is cancelled before the order is, because that may be refused.
 */
const COMPENSATIONS_OF_PENDING: Compensation[] = ['void', 'release'];
const COMPENSATIONS_OF_CONFIRMED: Compensation[] = ['refund', 'return'];

/** How the fulfilment of an order ended. */
export type SagaOutcome =
  | { confirmed: true; paymentId: string; deliveryId?: string }
  | { confirmed: false; reason: keyof typeof COMPENSATIONS_BY_FAILURE; paymentId?: string };

interface NewOrder {
  orderId: string;
  userId: string;
  fingerprint: string;
  request: OrderRequest;
  priced: Priced;
  step: SagaStep;
}

/** A pending order, before any event about it. */
export function newOrder({ orderId, userId, fingerprint, request, priced, step }: NewOrder): Order {
  const { shopId, channel, payment, deliveryAddress } = request;
  return {
    orderId,
    userId,
    shopId,
    status: 'pending',
    channel,
    ...priced,
    instructions: { payment, ...(deliveryAddress === undefined ? {} : { deliveryAddress }) },
    fingerprint,
    undo: [],
    returns: [],
    story: { steps: [step], events: [] },
    createdAt: step.at,
    updatedAt: step.at,
  };
}

/**
 * Confirms a pending order, or begins to cancel it. For an order that is no longer pending only the
 * saga log is completed. Without an outcome nothing changes.
 */
export function applyOutcome(
  order: Order,
  outcome: SagaOutcome | undefined,
  sagaLogDelta: SagaLog,
  at: string,
): Order {
  if (outcome === undefined) return order;
  const story = appendSagaLog(order.story, sagaLogDelta);
  if (order.status !== 'pending') return { ...order, story: sortedByTime(story) };
  const { confirmed, ...result } = outcome;
  const decided = { ...withoutInstructions(order), ...result, story, updatedAt: at };
  if (!outcome.confirmed) {
    const undo = COMPENSATIONS_BY_FAILURE[outcome.reason].filter(
      (compensation) => compensation !== 'cancel_delivery' || isDelivered(order),
    );
    return { ...decided, status: 'cancelling', undo };
  }
  return {
    ...decided,
    status: 'confirmed',
    confirmedAt: at,
    ...(order.channel === 'pickup' ? { pickup: PREPARING } : {}),
    story: appendSagaLog(story, eventsLogged(at, OrderConfirmed, OrderStatusUpdated)),
  };
}

const PREPARING: Pickup = { status: 'preparing' };

/** Whether the buyer has the items, of an order that is not delivered. */
function isHandedOver({ channel, status, pickup }: Order): boolean {
  if (channel === 'pickup') return pickup?.status === 'collected';
  return channel !== 'online' && status === 'confirmed';
}

/**
 * Begins to cancel an order for its buyer. An order that is being cancelled is returned unchanged.
 * Throws ABORTED if the order was confirmed after the caller read it: the confirmation must be
 * published first, so the caller retries. Throws FAILED_PRECONDITION if the buyer has the items.
 */
export function beginCancellation(
  order: Order,
  reason: string,
  knownAsConfirmed: boolean,
  sagaLogDelta: SagaLog,
  at: string,
): Order {
  if (order.status === 'cancelling' || order.status === 'cancelled') return order;
  const confirmed = order.status === 'confirmed';
  if (confirmed && !knownAsConfirmed) {
    throw new MicroserviceError('the order has just been confirmed', Code.ABORTED);
  }
  if (isHandedOver(order)) throw tooLateToCancel('handed_over');
  return {
    ...withoutInstructions(order),
    status: 'cancelling',
    reason,
    undo: confirmed ? COMPENSATIONS_OF_CONFIRMED : COMPENSATIONS_OF_PENDING,
    story: appendSagaLog(order.story, sagaLogDelta),
    updatedAt: at,
  };
}

/** FAILED_PRECONDITION: the items are on their way or with the buyer. */
export function tooLateToCancel(reason: string): MicroserviceError {
  return refused(reason, 'the order can no longer be cancelled; return its items instead');
}

/** Marks an order as cancelled, after all of its compensations. */
export function completeCancellation(order: Order, sagaLogDelta: SagaLog, at: string): Order {
  if (order.status !== 'cancelling') return order;
  const events = eventsLogged(at, OrderCancelled, OrderStatusUpdated);
  return {
    ...order,
    status: 'cancelled',
    story: appendSagaLog(appendSagaLog(order.story, sagaLogDelta), events),
    updatedAt: at,
  };
}

/**
 * The compensations to run now. For an order that was never confirmed they run again even after it
 * is cancelled: a fulfilment that was still running may have completed a step since.
 */
export function pendingCompensations({
  status,
  confirmedAt,
  undo,
}: Order): readonly Compensation[] {
  return status === 'cancelling' || confirmedAt === undefined ? undo : [];
}

function withoutInstructions(order: Order): Order {
  const { instructions, ...rest } = order;
  return rest;
}

function sortedByTime({ steps, events }: SagaLog): SagaLog {
  const byTime = (one: { at: string }, other: { at: string }) =>
    Date.parse(one.at) - Date.parse(other.at);
  return { steps: steps.toSorted(byTime), events: events.toSorted(byTime) };
}
