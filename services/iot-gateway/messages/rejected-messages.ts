import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { toTimestamp } from '#kit/core/timestamps';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type { Topic } from '#contracts/device-messages';
import type { ListRefusalsRequest } from '#proto/retail/iot/v1/iot_gateway_pb';
import type { Context } from '../definition';
import { identifyDevice } from '../device-identity';
import { deviceKey } from '../device-key';
import { MAX_REJECTIONS, type RejectionReason } from './rejections';

/** Messages that are rejected before their device is identified. */
const BEFORE_IDENTIFICATION: readonly RejectionReason[] = ['oversized', 'too_many'];

/** Logs and records that a message was rejected and why, without its content, at a limited rate. */
export async function recordRejectedMessage(
  { deviceId, kind }: Topic,
  reason: RejectionReason,
  tenantContext: Context,
): Promise<void> {
  const { refusals, rejectionLimiter, clock, caller, log } = tenantContext;
  const { tenantId } = caller;
  if (!rejectionLimiter.take(deviceKey({ tenantId, deviceId }), clock.now())) return;
  log.warn({ deviceId, kind, reason }, 'device message rejected');
  // an invented device id must not create a document
  if (reason === 'unknown_device') return;
  if (BEFORE_IDENTIFICATION.includes(reason) && !(await isRegistered(deviceId, tenantContext))) {
    return;
  }
  const rejection = { reason, kind, at: isoTime(clock) };
  await refusals.update(deviceId, (current) => ({
    refusals: [...(current?.refusals ?? []), rejection].slice(-MAX_REJECTIONS),
  }));
}

/** Whether a device is known to be registered. */
async function isRegistered(deviceId: string, tenantContext: Context): Promise<boolean> {
  return identifyDevice(deviceId, tenantContext).then(
    (device) => device !== undefined,
    () => false,
  );
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
