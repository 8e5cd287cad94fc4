import { LRUCache } from 'lru-cache';
import { KeyedMutex } from '#kit/core/keyed-mutex';
import { deviceKey } from '../device-key';
import type { PresenceUpdate, StatusReport } from './presence';
import { SHARDS, shardOf } from './presence-shards';

/** Devices whose newest status report this process knows. */
const MAX_DEVICES = 50_000;

/** The updates of this process that are not stored yet, and the newest status report of each device. */
export class PresenceBuffer {
  readonly #reports = new LRUCache<string, StatusReport>({ max: MAX_DEVICES });
  readonly #writing = new KeyedMutex();
  readonly #running = new Map<string, Promise<void>>();
  readonly #pending: Map<string, PresenceUpdate>[] = Array.from(
    { length: SHARDS },
    () => new Map<string, PresenceUpdate>(),
  );

  /**
   * Adds an update. Returns true if its report differs from the one that this process knows. A report of an
   * earlier start than that is not added, because it would replace it.
   */
  add(update: PresenceUpdate): boolean {
    const key = deviceKey(update);
    const pending = this.#pending[shardOf(key)];
    const before = pending?.get(key);
    const known = this.#reports.get(key);
    if (update.report === undefined) {
      if (update.start < (before?.start ?? 0)) return false;
      pending?.set(key, { ...update, report: before?.report });
      return false;
    }
    if (update.start < (known?.start ?? 0)) return true;
    const start = Math.max(update.start, before?.start ?? 0);
    pending?.set(key, { ...update, start });
    this.#reports.set(key, update.report);
    return known === undefined || !isSameStatus(known, update.report);
  }

  /** Forgets the report of a device that could not be stored, so that the next one counts as new. */
  forgetReport(key: string): void {
    this.#reports.delete(key);
  }

  /** Runs the work, or waits for the run under this key that is in progress. */
  async shareRun(key: string, work: () => Promise<void>): Promise<void> {
    const running = this.#running.get(key) ?? work();
    this.#running.set(key, running);
    try {
      await running;
    } finally {
      this.#running.delete(key);
    }
  }

  /** When a device was last seen, if that is not stored yet. */
  lastSeen(key: string): string | undefined {
    return this.#pending[shardOf(key)]?.get(key)?.lastSeen;
  }

  /**
   * Writes the pending updates of a shard, one write at a time: when this resolves, every update that
   * was added before the call is stored. The updates of a failed write are pending again.
   */
  async flush<T>(
    shard: number,
    write: (updates: readonly PresenceUpdate[]) => Promise<T>,
  ): Promise<T> {
    return this.#writing.run(String(shard), async () => {
      const taken = this.#pending[shard] ?? new Map<string, PresenceUpdate>();
      this.#pending[shard] = new Map();
      try {
        return await write([...taken.values()]);
      } catch (error) {
        this.#pending[shard] = new Map([...taken, ...(this.#pending[shard] ?? [])]);
        throw error;
      }
    });
  }
}

function isSameStatus(one: StatusReport, other: StatusReport): boolean {
  return (
    one.status === other.status &&
    one.boot === other.boot &&
    (other.firmwareVersion === undefined || one.firmwareVersion === other.firmwareVersion)
  );
}
