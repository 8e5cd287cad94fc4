import { DEFAULT_TENANT } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import type { MessageOf } from '#contracts/device-messages';
import type { DeviceIdentity } from '#proto/retail/shop/v1/shop_pb';
import type { Context } from '../definition';
import { deviceKey } from '../device-key';
import { flushShard } from './flush-presence';
import { toStatusReport, withLastWill } from './presence';
import { shardOf } from './presence-shards';
import { readShard, updateShard } from './presence-store';
import { publishDue } from './publish-presence';

/** Records a device's status message or last will. A change is stored and published immediately. */
export async function recordStatus(
  message: MessageOf<'status'>,
  { deviceId, shopId }: DeviceIdentity,
  tenantContext: Context,
): Promise<void> {
  const { presenceBuffer, caller, clock } = tenantContext;
  const { tenantId } = caller;
  const key = deviceKey({ tenantId, deviceId });
  const shard = shardOf(key);
  const platformContext = tenantContext.forTenant(DEFAULT_TENANT);
  const lastSeen = isoTime(clock);
  if (message.data.will) {
    if ((await readShard(shard, platformContext))[key] === undefined) return;
    await updateShard(shard, platformContext, ({ [key]: known, ...others }) =>
      known === undefined ? others : { ...others, [key]: withLastWill(known, message, lastSeen) },
    );
    return;
  }
  const report = toStatusReport(message);
  if (!presenceBuffer.add({ tenantId, deviceId, shopId, lastSeen, report })) return;
  try {
    await flushShard(shard, platformContext);
    const { [key]: presence } = await readShard(shard, platformContext);
    if (presence !== undefined) await publishDue([presence], platformContext);
  } catch (error) {
    presenceBuffer.forgetReport(key);
    throw error;
  }
}

/** Records that a device sent any message. */
export function recordActivity(
  { deviceId, shopId }: DeviceIdentity,
  { presenceBuffer, caller, clock }: Context,
): void {
  const { tenantId } = caller;
  presenceBuffer.add({ tenantId, deviceId, shopId, lastSeen: isoTime(clock) });
}
