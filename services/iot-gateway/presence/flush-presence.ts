import { isoTime } from '#kit/core/clock';
import type { Context } from '../definition';
import { deviceKey } from '../device-key';
import { type Presence, withPublicationBegun, withUpdate } from './presence';
import { SHARDS } from './presence-shards';
import { updateShard } from './presence-store';
import { publishDue } from './publish-presence';

/** Between two writes of the buffered updates: one write stores those of many devices. */
export const FLUSH_MS = 5_000;

/** Stores the buffered updates of this process and publishes the changes in them. */
export async function flushPresence(platformContext: Context): Promise<void> {
  for (let shard = 0; shard < SHARDS; shard++) {
    await publishDue(await flushShard(shard, platformContext), platformContext);
  }
}

/** Stores the buffered updates of a shard. Returns the presence of the devices in them. */
export async function flushShard(shard: number, platformContext: Context): Promise<Presence[]> {
  return platformContext.presenceBuffer.flush(shard, async (updates) => {
    if (updates.length === 0) return [];
    const devices = await updateShard(shard, platformContext, (current) => {
      const updated = { ...current };
      for (const update of updates) {
        const key = deviceKey(update);
        const presence = withUpdate(updated[key], update);
        if (presence === undefined) continue;
        updated[key] = withPublicationBegun(presence, isoTime(platformContext.clock));
      }
      return updated;
    });
    return updates.flatMap((update) => devices[deviceKey(update)] ?? []);
  });
}
