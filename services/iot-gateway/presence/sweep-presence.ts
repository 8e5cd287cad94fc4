import { isoTime } from '#kit/core/clock';
import type { Context } from '../definition';
import { flushShard } from './flush-presence';
import { presenceAt, withPublicationBegun } from './presence';
import { type PresenceByDevice, SHARDS } from './presence-shards';
import { isUnchanged, readShard, updateShard } from './presence-store';
import { publishDue } from './publish-presence';

/** Finds the devices that have become silent, and publishes the changes that are due by now. */
export async function sweepPresence(platformContext: Context): Promise<void> {
  const { clock } = platformContext;
  for (let shard = 0; shard < SHARDS; shard++) {
    await flushShard(shard, platformContext);
    const before = await readShard(shard, platformContext);
    const after = isUnchanged(before, devicesAt(before, isoTime(clock)))
      ? before
      : await updateShard(shard, platformContext, (devices) => devicesAt(devices, isoTime(clock)));
    await publishDue(Object.values(after), platformContext);
  }
}

function devicesAt(devices: PresenceByDevice, at: string): PresenceByDevice {
  return Object.fromEntries(
    Object.entries(devices).flatMap(([key, known]) => {
      const presence = presenceAt(known, at);
      return presence === undefined ? [] : [[key, withPublicationBegun(presence, at)]];
    }),
  );
}
