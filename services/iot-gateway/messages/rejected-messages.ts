import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { toTimestamp } from '#kit/core/timestamps';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type { Topic } from '#contracts/device-messages';
import type { ListRefusalsRequest } from '#proto/retail/iot/v1/iot_gateway_pb';
import type { Context } from '../definition';
import { deviceKey } from '../device-key';
import { MAX_REJECTIONS, type RejectionReason } from './rejections';

/** Records that a message was rejected and why, without its content. */
export async function recordRejectedMessage(
  { deviceId, kind }: Topic,
  reason: RejectionReason,
  { refusals, rejectionLimiter, clock, caller, log }: Context,
): Promise<void> {
  log.warn({ deviceId, kind, reason }, 'device message rejected');
  // an invented device id must not create a document
  if (reason === 'unknown_device') return;
  const { tenantId } = caller;
  if (!rejectionLimiter.take(deviceKey({ tenantId, deviceId }), clock.now())) return;
  const rejection = { reason, kind, at: isoTime(clock) };
  await refusals.update(deviceId, (current) => ({
    refusals: [...(current?.refusals ?? []), rejection].slice(-MAX_REJECTIONS),
  }));
}

/** Lists the rejected messages of a device, newest first. */
export async function listRefusals(request: ListRefusalsRequest, { refusals, caller }: Context) {
  requireRole(caller, 'admin');
  const { deviceId, page, limit } = validate(PageRequest.extend({ deviceId: Id }), request);
  const recorded = (await refusals.get(deviceId))?.refusals ?? [];
  const items = recorded
    .toReversed()
    .slice((page - 1) * limit, page * limit)
    .map(({ at, ...rejection }) => ({ ...rejection, at: toTimestamp(at) }));
  return { items, page, limit, total: recorded.length };
}
