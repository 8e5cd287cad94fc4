import { isoTime } from '#kit/core/clock';
import { refusalOf } from '#kit/core/errors';
import { toTimestamp } from '#kit/core/timestamps';
import { DeviceStatusUpdated } from '#contracts/iot-gateway';
import type { Context } from '../definition';
import { deviceKey } from '../device-key';
import { type Presence, hasUnpublishedState, isPublicationDue, withPublished } from './presence';
import { shardOf } from './presence-shards';
import { updateShard } from './presence-store';

/** Reports each due change to the shop service and publishes it, once. */
export async function publishDue(
  presences: readonly Presence[],
  platformContext: Context,
): Promise<void> {
  const at = isoTime(platformContext.clock);
  const due = presences.filter((presence) => isPublicationDue(presence, at));
  await Promise.all(
    due.map((presence) => {
      const { tenantId, deviceId, since, number, told: report } = presence;
      const dedupKey = JSON.stringify([deviceId, since, number, report.firmwareVersion]);
      const tenantContext = platformContext.forTenant(tenantId, dedupKey);
      return platformContext.presenceBuffer.shareRun(`${tenantId} ${dedupKey}`, () =>
        publish(presence, tenantContext, platformContext),
      );
    }),
  );
}

async function publish(
  presence: Presence,
  tenantContext: Context,
  platformContext: Context,
): Promise<void> {
  const { deviceId, shopId, state, since, number, lastSeen, told: report } = presence;
  if (state === 'unknown') return;
  const { firmwareVersion } = report;
  try {
    await tenantContext.shop.updateDeviceStatus({
      deviceId,
      status: state,
      at: toTimestamp(since),
      lastSeen: toTimestamp(lastSeen),
      ...(firmwareVersion === undefined ? {} : { firmwareVersion }),
    });
  } catch (error) {
    // a device that was retired or removed meanwhile must not block the others
    if (refusalOf(error) === undefined) throw error;
    platformContext.log.warn(
      { deviceId, failure: String(error) },
      'shop service refused a device status',
    );
  }
  if (hasUnpublishedState(presence)) {
    const status = { deviceId, shopId, status: state, lastSeen };
    await tenantContext.publish(DeviceStatusUpdated, status, `${deviceId}/${since}/${number}`);
  }
  const key = deviceKey(presence);
  await updateShard(shardOf(key), platformContext, (devices) => {
    const current = devices[key];
    return current === undefined
      ? devices
      : { ...devices, [key]: withPublished(current, presence) };
  });
}
