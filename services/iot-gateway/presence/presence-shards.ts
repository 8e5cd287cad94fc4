import { hash } from 'node:crypto';
import { z } from 'zod';
import { Presence } from './presence';

/** The number of documents that hold the presence of all devices. */
export const SHARDS = 8;

/** The presence of many devices of all tenants, by device key. */
export const Presences = z.object({ devices: z.record(z.string(), Presence) });
export type PresenceByDevice = z.infer<typeof Presences>['devices'];

/** The document of a device. */
export function shardOf(deviceKey: string): number {
  return hash('sha256', deviceKey, 'buffer').readUInt32BE(0) % SHARDS;
}
