import { isoTime } from '#kit/core/clock';
import { requireOwner } from '#kit/core/caller';
import { Code, MicroserviceError, notFound, refused, stillInProgress } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import { fromTimestamp } from '#kit/core/timestamps';
import { validate } from '#kit/core/validation';
import type { EventData } from '#kit/messages/contract';
import { SagaRecorder } from '#kit/saga/saga-steps';
import { type Money, ofMinor } from '#retail/money';
import { DecideReturn, ReceiveReturn, RequestReturn, ReturnUpdated } from '#contracts/order';
import type {
  DecideReturnRequest,
  GetReturnRequest,
  ListReturnsRequest,
  ReceiveReturnRequest,
  RequestReturnRequest,
} from '#proto/retail/order/v1/order_pb';
import type { Context } from './definition';
import type { Order, Return } from './domain';
import { requireConcernedOrder, requireManagedOrder, requireManagedShop } from './managed-order';
import { toReturnMessage } from './queries';
import { ByReturnId, NewReturn, ReturnDecisions, ShopPage } from './requests';
import {
  completeReturn,
  decideReturn,
  findReturn,
  receiveReturn,
  requireReturnPeriod,
  withReturn,
} from './returns';

/** Requests to return items that the buyer has, or that are on their way, for the buyer or an admin. */
export async function requestReturn(request: RequestReturnRequest, context: Context) {
  const { orders, caller, clock, newId } = context;
  const { orderId, items, reason } = validate(NewReturn, request);
  const order = requireOwner(caller, await orders.get(orderId), 'order');
  requireReturnPeriod(order, await handedOverAt(order, context), clock.now());
  const { userId } = order;
  const returned = { orderId, userId, returnId: newId('return'), items, reason };
  // what would be refused is refused without a command
  withReturn(order, returned, isoTime(clock));
  return awaitReturn(returned, context, (read) =>
    context.dispatchAndWait(RequestReturn, returned, read),
  );
}

/** When the buyer got the items; undefined while they are on their way. Throws if the shop has them. */
async function handedOverAt(order: Order, { delivery }: Context): Promise<string | undefined> {
  const { orderId, status, channel, pickup, confirmedAt } = order;
  if (status !== 'confirmed') throw refused('not_confirmed', `the order is ${status}`);
  const notYet = () =>
    refused('not_handed_over', 'the items have not left the shop; cancel the order instead');
  if (channel === 'pickup') {
    if (pickup?.collectedAt === undefined) throw notYet();
    return pickup.collectedAt;
  }
  if (channel !== 'online') return confirmedAt;
  const { status: at, updatedAt } = await delivery.getDelivery({ orderId });
  if (at === 'delivered') return updatedAt && fromTimestamp(updatedAt);
  if (at === 'picked_up' || at === 'in_transit') return undefined;
  throw notYet();
}

export async function receive(request: ReceiveReturnRequest, context: Context) {
  const command = validate(ByReturnId, request);
  findReturn(await requireManagedOrder(command.orderId, context), command.returnId);
  return awaitReturn(command, context, (read) =>
    context.dispatchAndWait(
      ReceiveReturn,
      { ...command, precondition: context.precondition },
      read,
    ),
  );
}

export async function decide(request: DecideReturnRequest, context: Context) {
  const command = validate(ReturnDecisions, request);
  findReturn(await requireManagedOrder(command.orderId, context), command.returnId);
  return awaitReturn(command, context, (read) =>
    context.dispatchAndWait(DecideReturn, { ...command, precondition: context.precondition }, read),
  );
}

type ReturnMessage = ReturnType<typeof toReturnMessage>;

/** Returns the return as a command leaves it. */
async function awaitReturn(
  { orderId, returnId }: { orderId: string; returnId: string },
  { orders, callContext }: Context,
  dispatch: (read: () => Promise<ReturnMessage | undefined>) => Promise<ReturnMessage | undefined>,
): Promise<ReturnMessage> {
  const read = async () => {
    const order = await orders.get(orderId);
    const found = order?.returns.find((one) => one.returnId === returnId);
    return order && found && toReturnMessage(order, found);
  };
  const after = await dispatch(read);
  if (after !== undefined) return after;
  const before = callContext.respondAsync ? await read() : undefined;
  if (before === undefined) throw stillInProgress('the update');
  return before;
}

/** Handles RequestReturn. */
export async function addReturn(
  { userId: _, ...request }: EventData<typeof RequestReturn>,
  context: Context,
): Promise<void> {
  const { orders, lists, clock } = context;
  const { orderId, returnId } = request;
  const order = await orders.update(orderId, (current) =>
    withReturn(existing(current), request, isoTime(clock)),
  );
  await lists.returns.add(order.shopId, listed(orderId, returnId));
  await publishReturn(order, returnId, 'requested', context);
}

/** Handles ReceiveReturn. */
export async function recordReceipt(
  { orderId, returnId, precondition }: EventData<typeof ReceiveReturn>,
  context: Context,
): Promise<void> {
  const { orders, clock } = context;
  const order = await orders.update(orderId, (current) => {
    const known = existing(current);
    requirePrecondition(precondition, findReturn(known, returnId));
    return receiveReturn(known, returnId, isoTime(clock));
  });
  await publishReturn(order, returnId, 'received', context);
}

/**
 * Handles DecideReturn: stores the decision, puts pieces back into the stock, and refunds. The stock and the
 * refund are idempotent by the return, so that a redelivery continues where a crash stopped it.
 */
export async function settleReturn(
  { orderId, returnId, items, precondition }: EventData<typeof DecideReturn>,
  context: Context,
): Promise<void> {
  const { orders, lists, clock } = context;
  const sagaRecorder = new SagaRecorder(context);
  let order = await orders.update(orderId, (current) => {
    const known = existing(current);
    requirePrecondition(precondition, findReturn(known, returnId));
    return decideReturn(known, returnId, items, isoTime(clock));
  });
  const decided = findReturn(order, returnId);
  if (decided.status === 'refunding') {
    const refunded = await settle(order, decided, sagaRecorder, context);
    const sagaLogDelta = sagaRecorder.takeDelta();
    order = await orders.update(orderId, (current) =>
      completeReturn(existing(current), returnId, refunded, sagaLogDelta, isoTime(clock)),
    );
  }
  const ended = findReturn(order, returnId).status === 'rejected' ? 'rejected' : 'completed';
  await lists.returns.remove(order.shopId, listed(orderId, returnId));
  await publishReturn(order, returnId, ended, context);
}

async function settle(
  { orderId, shopId }: Order,
  { returnId, items, refund }: Return,
  sagaRecorder: SagaRecorder,
  { inventory, payment }: Context,
): Promise<Money> {
  if (refund === undefined) throw new MicroserviceError('no refund is decided', Code.INTERNAL);
  const restocked = items.flatMap(({ productId, restocked: quantity = 0 }) =>
    quantity === 0 ? [] : { productId, quantity },
  );
  if (restocked.length > 0) {
    await sagaRecorder.mandatoryStep('take_back', () =>
      inventory.takeBack({ returnId, orderId, shopId, items: restocked }),
    );
  }
  let refunded = ofMinor(0n, refund.currency);
  await sagaRecorder.mandatoryStep('refund_return', async () => {
    const target = { case: 'orderId', value: orderId } as const;
    const request = { target, amount: refund, reason: 'returned', key: returnId };
    const { paymentId, refunds } = await payment.refund(request);
    // absent if an admin has refunded everything already
    const done = refunds.find(({ refundId }) => refundId === `${paymentId}_${returnId}`);
    const { amount, currency } = done?.amount ?? refunded;
    refunded = { amount, currency };
  });
  return refunded;
}

async function publishReturn(
  order: Order,
  returnId: string,
  status: EventData<typeof ReturnUpdated>['status'],
  { publish }: Context,
): Promise<void> {
  const { orderId, userId, shopId } = order;
  const { items, reason, refunded } = findReturn(order, returnId);
  await publish(
    ReturnUpdated,
    {
      ...{ orderId, userId, returnId, shopId, status, reason },
      items: items.map(({ productId, quantity }) => ({ productId, quantity })),
      ...(status === 'completed' && refunded !== undefined ? { refunded } : {}),
    },
    `${returnId} ${status}`,
  );
}

/** For the buyer, an admin or a seller of the shop. */
export async function getReturn(request: GetReturnRequest, context: Context) {
  const { orderId, returnId } = validate(ByReturnId, request);
  const order = await requireConcernedOrder(orderId, context);
  return toReturnMessage(order, findReturn(order, returnId));
}

/** The returns of a shop that are not complete, newest first. */
export async function listReturns(request: ListReturnsRequest, context: Context) {
  const { orders, lists } = context;
  const { shopId, page, limit } = validate(ShopPage, request);
  await requireManagedShop(shopId, context);
  const { items: entries, total } = await lists.returns.page(shopId, page, limit);
  const items = await Promise.all(
    entries.map(async (entry) => {
      const [orderId = '', returnId = ''] = entry.split('/');
      const order = await orders.get(orderId);
      // a redelivery may have listed a return again that has ended since
      const found = order?.returns.find((one) => one.returnId === returnId && !hasEnded(one));
      return order && found ? [toReturnMessage(order, found)] : [];
    }),
  );
  return { items: items.flat(), page, limit, total };
}

function hasEnded({ status }: Return): boolean {
  return status === 'completed' || status === 'rejected';
}

const listed = (orderId: string, returnId: string) => `${orderId}/${returnId}`;

function existing(order: Order | undefined): Order {
  if (order === undefined) throw notFound('order');
  return order;
}
