import type {
  GetDeliveryRequest,
  UpdateStatusRequest,
} from '#proto/retail/delivery/v1/delivery_pb';
import { UpdateDelivery } from '#contracts/delivery';
import { requireOwner, requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { notFound, stillInProgress } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import { validate } from '#kit/core/validation';
import { mayManageShop } from '#retail/managed-shop';
import type { Context } from './definition';
import { advance, asPlanned } from './domain';
import { publishStatusChange, toMessage } from './publish';
import { OrderRequest, StatusRequest } from './requests';

export async function getDelivery(request: GetDeliveryRequest, { caller, deliveries }: Context) {
  const { orderId } = validate(OrderRequest, request);
  return toMessage(requireOwner(caller, asPlanned(await deliveries.get(orderId)), 'delivery'));
}

/**
 * Advances a delivery by a command, for an admin or a seller of its shop. Only the command checks whether
 * the step is allowed: a repeated request finds the step made, and only the command's id shows that this
 * was the same request. Throws NOT_FOUND also for a delivery of another shop, so that its existence is
 * not revealed.
 */
export async function updateStatus(request: UpdateStatusRequest, context: Context) {
  const { caller, callContext, deliveries, shop, dispatchAndWait, precondition } = context;
  requireRole(caller, 'seller', 'admin');
  const command = validate(StatusRequest, request);
  const read = async () => {
    const delivery = asPlanned(await deliveries.get(command.orderId));
    if (delivery === undefined) throw notFound('delivery');
    return delivery;
  };
  const before = await read();
  if (!(await mayManageShop(caller, before.shopId, shop))) throw notFound('delivery');
  const after = await dispatchAndWait(UpdateDelivery, { ...command, precondition }, read);
  if (after === undefined && !callContext.respondAsync) {
    throw stillInProgress('the status update');
  }
  return toMessage(after ?? before);
}

/** Advances a delivery by one step, once, and publishes that. */
export async function advanceDelivery(command: EventData<typeof UpdateDelivery>, context: Context) {
  const { clock, deliveries } = context;
  const { document, outcome } = await deliveries.decide(command.orderId, (current) => {
    const delivery = asPlanned(current);
    if (delivery === undefined) throw notFound('delivery');
    requirePrecondition(command.precondition, delivery);
    return advance(delivery, command.status, isoTime(clock));
  });
  await publishStatusChange(context, document, outcome.from, command.status);
}
