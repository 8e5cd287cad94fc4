import type {
  GetDeliveryRequest,
  UpdateStatusRequest,
} from '#proto/retail/delivery/v1/delivery_pb';
import { UpdateDelivery } from '#contracts/delivery';
import { requireRole, requireOwner } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { Code, MicroserviceError, notFound } from '#kit/core/errors';
import { validate } from '#kit/core/validation';
import { move, planned } from './domain';
import { sayMoved, toMessage } from './messages';
import { OrderRequest, StatusRequest } from './requests';
import type { Context } from './definition';

export async function getDelivery(request: GetDeliveryRequest, { caller, deliveries }: Context) {
  const { orderId } = validate(OrderRequest, request);
  return toMessage(requireOwner(caller, planned(await deliveries.get(orderId)), 'delivery'));
}

/**
 * Moves a delivery on. Whether the step is possible is for the command to say: a request that
 * comes again finds the step made, and only the command, which has its identity, can tell.
 */
export async function updateStatus(request: UpdateStatusRequest, context: Context) {
  const { caller, callContext, deliveries, dispatchAndWait } = context;
  requireRole(caller, 'seller', 'admin', 'service');
  const wanted = validate(StatusRequest, request);
  const present = async () => {
    const delivery = planned(await deliveries.get(wanted.orderId));
    if (delivery === undefined) throw notFound('delivery');
    return delivery;
  };
  const before = await present();
  const after = await dispatchAndWait(UpdateDelivery, wanted, present);
  if (after === undefined && !callContext.respondAsync) {
    throw new MicroserviceError(
      'the delivery will be moved on, but it takes longer than usual; ask again under the same key',
      Code.DEADLINE_EXCEEDED,
    );
  }
  return toMessage(after ?? before);
}

/** Makes the step, once, and says so. */
export async function moveOn(wanted: EventData<typeof UpdateDelivery>, context: Context) {
  const { clock, deliveries } = context;
  const { document, outcome } = await deliveries.decide(wanted.orderId, (now) => {
    const delivery = planned(now);
    if (delivery === undefined) throw notFound('delivery');
    return move(delivery, wanted.status, isoTime(clock));
  });
  await sayMoved(context, document, outcome.from, wanted.status);
}
