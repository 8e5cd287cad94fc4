import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { KeyedMutex } from '#kit/core/keyed-mutex';
import type { Heard, Told } from './presence';

/** So many documents hold the presence of all devices. */
export const SHARDS = 8;
/** Devices that this process knows something of. */
const MOST_DEVICES = 50_000;

export function keyOf({ tenantId, deviceId }: Pick<Heard, 'tenantId' | 'deviceId'>): string {
  return `${tenantId}/${deviceId}`;
}

/** Which of the documents is a device's. */
export function shardOf(key: string): number {
  return hash('sha256', key, 'buffer').readUInt32BE(0) % SHARDS;
}

/** What this process has heard of devices, and what of it is not written down yet. */
export class Watch {
  readonly #known = new LRUCache<string, Told>({ max: MOST_DEVICES });
  readonly #writing = new KeyedMutex();
  readonly #running = new Map<string, Promise<void>>();
  readonly #unwritten: Map<string, Heard>[] = Array.from(
    { length: SHARDS },
    () => new Map<string, Heard>(),
  );

  /** Notes that a device was heard. True where it told of what this process did not know. */
  note(heard: Heard): boolean {
    const key = keyOf(heard);
    const unwritten = this.#unwritten[shardOf(key)];
    const { told = unwritten?.get(key)?.told } = heard;
    unwritten?.set(key, { ...heard, told });
    if (heard.told === undefined) return false;
    const known = this.#known.get(key);
    this.#known.set(key, heard.told);
    return known === undefined || !saysTheSame(known, heard.told);
  }

  /** As if it had never told anything: what it told was not written down. */
  forget(key: string): void {
    this.#known.delete(key);
  }

  /** Does what is being done for somebody else already along with it. */
  async together(what: string, work: () => Promise<void>): Promise<void> {
    const running = this.#running.get(what) ?? work();
    this.#running.set(what, running);
    try {
      await running;
    } finally {
      this.#running.delete(what);
    }
  }

  lastSeen(key: string): string | undefined {
    return this.#unwritten[shardOf(key)]?.get(key)?.lastSeen;
  }

  /**
   * Has all that was heard of a document's devices written to it, one after the other: whoever waits
   * finds what was noted before written. What fails is to be written still.
   */
  async write<T>(shard: number, write: (all: readonly Heard[]) => Promise<T>): Promise<T> {
    return this.#writing.run(String(shard), async () => {
      const taken = this.#unwritten[shard] ?? new Map<string, Heard>();
      this.#unwritten[shard] = new Map();
      try {
        return await write([...taken.values()]);
      } catch (error) {
        this.#unwritten[shard] = new Map([...taken, ...(this.#unwritten[shard] ?? [])]);
        throw error;
      }
    });
  }
}

function saysTheSame(one: Told, other: Told): boolean {
  return (
    one.status === other.status &&
    one.boot === other.boot &&
    (other.firmwareVersion === undefined || one.firmwareVersion === other.firmwareVersion)
  );
}
