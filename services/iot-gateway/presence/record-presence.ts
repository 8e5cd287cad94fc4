import { DEFAULT_TENANT } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import type { MessageOf } from '#contracts/device-messages';
import type { DeviceIdentity } from '#proto/retail/shop/v1/shop_pb';
import type { Context } from '../definition';
import { deviceKey } from '../device-key';
import { type MessageOrigin, makeNewest } from '../starts/start-of-message';
import { flushShard } from './flush-presence';
import { type Presence, isStartSilent, toStatusReport, withLastWill } from './presence';
import { shardOf } from './presence-shards';
import { readShard, updateShard } from './presence-store';
import { publishDue } from './publish-presence';

/**
 * Records a device's status message or last will. A change is stored and published immediately. Returns the
 * number of its start, which may have become the newest, or why the status changes nothing.
 */
export async function recordStatus(
  message: MessageOf<'status'>,
  { start, statusSeq }: MessageOrigin,
  { deviceId, shopId }: DeviceIdentity,
  tenantContext: Context,
): Promise<{ start: number } | 'earlier_start' | 'out_of_order'> {
  const { presenceBuffer, caller, clock } = tenantContext;
  const { tenantId } = caller;
  const key = deviceKey({ tenantId, deviceId });
  const shard = shardOf(key);
  const platformContext = tenantContext.forTenant(DEFAULT_TENANT);
  const heard = isoTime(clock);
  if (message.data.will) {
    if ((await readShard(shard, platformContext))[key] === undefined) return { start };
    await updateShard(shard, platformContext, ({ [key]: known, ...others }) =>
      known === undefined ? others : { ...others, [key]: withLastWill(known, message, heard) },
    );
    return { start };
  }
  const record = async (number: number): Promise<Presence | undefined> => {
    const report = toStatusReport(message, number, heard);
    const update = { tenantId, deviceId, shopId, lastSeen: heard, start: number, report };
    if (!presenceBuffer.add(update)) return undefined;
    await flushShard(shard, platformContext);
    return (await readShard(shard, platformContext))[key];
  };
  const { boot, seq } = message;
  try {
    let number = start;
    let presence = await record(number);
    if (presence !== undefined && presence.told.boot !== boot) {
      // an old message that was delayed may have begun the start that seems to be the newest
      const mayBeNewest = seq > statusSeq && isStartSilent(presence, clock.now());
      const newest = mayBeNewest
        ? await makeNewest(boot, presence.told, deviceId, tenantContext)
        : undefined;
      if (newest === undefined) return 'earlier_start';
      number = newest;
      presence = await record(number);
    }
    if (presence === undefined) return { start: number };
    if (presence.told.boot === boot && presence.told.seq > seq) return 'out_of_order';
    await publishDue([presence], platformContext);
    return { start: number };
  } catch (error) {
    presenceBuffer.forgetReport(key);
    throw error;
  }
}

/** Records that a device sent any message. */
export function recordActivity(
  { start }: MessageOrigin,
  { deviceId, shopId }: DeviceIdentity,
  { presenceBuffer, caller, clock }: Context,
): void {
  const { tenantId } = caller;
  presenceBuffer.add({ tenantId, deviceId, shopId, lastSeen: isoTime(clock), start });
}
