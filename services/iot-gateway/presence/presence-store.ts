import type { Context } from '../definition';
import type { PresenceByDevice } from './presence-shards';

export async function readShard(shard: number, { presences }: Context): Promise<PresenceByDevice> {
  return (await presences.get(String(shard)))?.devices ?? {};
}

/** Applies a change that is idempotent by the data of the shard. A change without effect writes nothing. */
export async function updateShard(
  shard: number,
  { presences }: Context,
  change: (devices: PresenceByDevice) => PresenceByDevice,
): Promise<PresenceByDevice> {
  const { document } = await presences.decide(String(shard), (current = { devices: {} }) => {
    const devices = change(current.devices);
    const document = isUnchanged(current.devices, devices) ? current : { devices };
    return { document, outcome: undefined, selfIdempotent: true };
  });
  return document.devices;
}

/** Compares each device's presence by identity: a change returns the same object if it does nothing. */
export function isUnchanged(before: PresenceByDevice, after: PresenceByDevice): boolean {
  const keys = Object.keys(after);
  if (keys.length !== Object.keys(before).length) return false;
  return keys.every((key) => before[key] === after[key]);
}
