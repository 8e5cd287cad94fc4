import { z } from 'zod';
import { DEFAULT_TENANT } from '#kit/core/caller';
import { isAfter, toTimestamp } from '#kit/core/timestamps';
import { Id, validate } from '#kit/core/validation';
import type { GetPresenceRequest } from '#proto/retail/iot/v1/iot_gateway_pb';
import type { Context } from '../definition';
import { managedDevice } from '../device-identity';
import { deviceKey } from '../device-key';
import { shardOf } from './presence-shards';
import { readShard } from './presence-store';

/** The presence of a device. `lastSeen` includes messages that this process has not stored yet. */
export async function getPresence(request: GetPresenceRequest, context: Context) {
  const { caller, presenceBuffer } = context;
  const { deviceId } = validate(z.object({ deviceId: Id }), request);
  await managedDevice(deviceId, context);
  const key = deviceKey({ tenantId: caller.tenantId, deviceId });
  const { [key]: known } = await readShard(shardOf(key), context.forTenant(DEFAULT_TENANT));
  if (known === undefined) return { deviceId, status: 'unknown' };
  const { state, since, lastSeen } = known;
  const seenHere = presenceBuffer.lastSeen(key) ?? lastSeen;
  return {
    deviceId,
    status: state,
    since: toTimestamp(since),
    lastSeen: toTimestamp(isAfter(seenHere, lastSeen) ? seenHere : lastSeen),
  };
}
