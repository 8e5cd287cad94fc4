import { laterTime } from '#kit/core/clock';
import { invalid, notFound, refused } from '#kit/core/errors';
import { type SagaLog, appendSagaLog, eventsLogged } from '#kit/saga/saga-log';
import { type Money, add, times } from '#retail/money';
import { ReturnUpdated } from '#contracts/order';
import type { Order, Return } from './domain';

// The returns of an order: pure functions of the stored order, so that two requests never return the same
// piece twice.

/** Bounds the document: a buyer who returns every piece separately is not served. */
const MAX_RETURNS = 20;
const DAY_MS = 24 * 3_600_000;

interface Item {
  productId: string;
  quantity: number;
}

/**
 * Throws FAILED_PRECONDITION once the return period is over. It begins when the buyer has the items
 * (`handedOverAt`; undefined while they are on their way).
 */
export function requireReturnPeriod(
  { returnDays }: Order,
  handedOverAt: string | undefined,
  now: number,
): void {
  if (handedOverAt === undefined) return;
  const until = Date.parse(handedOverAt) + returnDays * DAY_MS;
  if (now <= until) return;
  const message = `the shop takes items back within ${String(returnDays)} days`;
  throw refused('return_period_over', message, { until: new Date(until).toISOString() });
}

/**
 * Adds a return of these items, or of all that were not returned. Returns the same order if it is already
 * there.
 */
export function withReturn(
  order: Order,
  request: { returnId: string; items: readonly Item[]; reason: string },
  at: string,
): Order {
  const { returnId, reason } = request;
  if (order.returns.some((one) => one.returnId === returnId)) return order;
  if (order.status !== 'confirmed') throw refused('not_confirmed', `the order is ${order.status}`);
  if (order.returns.length >= MAX_RETURNS) {
    throw refused('too_many_returns', `an order has at most ${String(MAX_RETURNS)} returns`);
  }
  const left = returnableItems(order);
  const items = request.items.length === 0 ? left : request.items;
  if (items.length === 0) throw refused('nothing_to_return', 'every piece is returned already');
  for (const [index, { productId, quantity }] of items.entries()) {
    const field = `items.${String(index)}`;
    if (!order.items.some((item) => item.productId === productId)) {
      throw invalid(`${field}.productId`, 'is not a product of this order');
    }
    const most = left.find((item) => item.productId === productId)?.quantity ?? 0;
    if (quantity > most) {
      throw refused('too_many_pieces', `at most ${String(most)} pieces of it can be returned`, {
        fields: [{ field: `${field}.quantity`, message: `must be at most ${String(most)}` }],
      });
    }
  }
  const added: Return = {
    returnId,
    status: 'requested',
    items: items.map(({ productId, quantity }) => ({ productId, quantity })),
    reason,
    createdAt: at,
    updatedAt: at,
  };
  return { ...order, returns: [...order.returns, added], updatedAt: at };
}

/** The pieces that the buyer has, without those of returns that are not rejected. */
export function returnableItems({ items, returns }: Order): Item[] {
  return items
    .map(({ productId, quantity }) => {
      const gone = returns.map((one) => piecesOf(one, productId));
      return { productId, quantity: gone.reduce((rest, pieces) => rest - pieces, quantity) };
    })
    .filter(({ quantity }) => quantity > 0);
}

/** The pieces of a product that a return takes: the requested ones, or once it is decided the accepted. */
function piecesOf({ items }: Return, productId: string): number {
  const item = items.find((one) => one.productId === productId);
  return item?.accepted ?? item?.quantity ?? 0;
}

/** Throws NOT_FOUND for an unknown return. */
export function findReturn({ returns }: Order, returnId: string): Return {
  const found = returns.find((one) => one.returnId === returnId);
  if (found === undefined) throw notFound('return');
  return found;
}

/** Records that the items of a return have arrived. */
export function receiveReturn(order: Order, returnId: string, at: string): Order {
  const { status } = findReturn(order, returnId);
  if (status !== 'requested') throw illegal(status, 'received');
  return withChanged(order, returnId, { status: 'received' }, at);
}

interface ItemDecision {
  productId: string;
  accepted?: number | undefined;
  restocked?: number | undefined;
}

/**
 * Decides a received return: the accepted pieces are refunded at the prices of the order, and the delivery
 * with the last piece of it. Without an accepted piece the return is rejected.
 */
export function decideReturn(
  order: Order,
  returnId: string,
  decisions: readonly ItemDecision[],
  at: string,
): Order {
  const { status, items } = findReturn(order, returnId);
  if (status !== 'received') throw illegal(status, 'refunding');
  for (const [index, { productId, accepted = 0, restocked = 0 }] of decisions.entries()) {
    const item = items.find((one) => one.productId === productId);
    const field = `items.${String(index)}`;
    if (item === undefined) throw invalid(`${field}.productId`, 'is not a product of this return');
    if (Math.max(accepted, restocked) > item.quantity) {
      throw invalid(field, `must be at most the ${String(item.quantity)} pieces of the return`);
    }
  }
  const decided = items.map((item) => {
    const decision = decisions.find(({ productId }) => productId === item.productId);
    const accepted = decision?.accepted ?? item.quantity;
    const restocked = decision?.restocked ?? accepted;
    return { ...item, accepted, restocked };
  });
  const isAccepted = decided.some(({ accepted }) => accepted > 0);
  const next = withChanged(
    order,
    returnId,
    { status: isAccepted ? 'refunding' : 'rejected', items: decided },
    at,
  );
  return isAccepted ? withChanged(next, returnId, { refund: refundOf(next, returnId) }, at) : next;
}

function refundOf(order: Order, returnId: string): Money {
  const { items } = findReturn(order, returnId);
  const amounts = order.items.map(({ productId, unitPrice }) => {
    const pieces = items.find((item) => item.productId === productId)?.accepted ?? 0;
    return times(unitPrice, pieces);
  });
  const { deliveryPrice } = order;
  const isLast = deliveryPrice !== undefined && isFullyReturned(order);
  return [...amounts, ...(isLast ? [deliveryPrice] : [])].reduce(add);
}

/** Whether the shop has accepted every piece of the order back. */
function isFullyReturned({ items, returns }: Order): boolean {
  return items.every(({ productId, quantity }) => {
    const accepted = returns.map(
      (one) => one.items.find((item) => item.productId === productId)?.accepted ?? 0,
    );
    return accepted.reduce((sum, pieces) => sum + pieces, 0) === quantity;
  });
}

/** Completes a return, after its pieces were restocked and refunded. */
export function completeReturn(
  order: Order,
  returnId: string,
  refunded: Money,
  sagaLogDelta: SagaLog,
  at: string,
): Order {
  if (findReturn(order, returnId).status !== 'refunding') return order;
  const story = appendSagaLog(order.story, sagaLogDelta);
  const completed = withChanged(order, returnId, { status: 'completed', refunded }, at);
  return { ...completed, story: appendSagaLog(story, eventsLogged(at, ReturnUpdated)) };
}

function withChanged(order: Order, returnId: string, changes: Partial<Return>, at: string): Order {
  const returns = order.returns.map((one) =>
    one.returnId === returnId
      ? { ...one, ...changes, updatedAt: laterTime(at, one.updatedAt) }
      : one,
  );
  return { ...order, returns, updatedAt: at };
}

function illegal(from: string, to: string) {
  return refused('illegal_transition', `a return that is ${from} cannot become ${to}`);
}
