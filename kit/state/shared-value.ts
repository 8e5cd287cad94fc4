import type { z } from 'zod';
import type { Clock } from '../core/clock';
import { Code, MicroserviceError } from '../core/errors';
import { SIDECAR_TIMEOUT_MS, type Sidecar, type StoredValue } from '../transport/sidecar';

/** Attempts to write before ABORTED. The pause before the next is random, below 10 ms × 2^n. */
const MAX_WRITE_ATTEMPTS = 10;
const LONGEST_PAUSE_MS = 200;

interface Deps {
  readonly sidecar: Sidecar;
  readonly clock: Clock;
  readonly random: () => number;
}

interface Waiting<T> {
  /** Changes the value in place. Runs again on the newer value if another process was first. */
  readonly change: (value: T) => Promise<void> | void;
  readonly done: PromiseWithResolvers<undefined>;
}

/**
 * A value that the processes of a service share and often change. The changes that one process makes
 * meanwhile are written together, so their number does not depend on the number of writes.
 */
export class SharedValue<T> {
  readonly #waiting: Waiting<T>[] = [];
  #writing = false;
  /** How many times this process has written the value. */
  #writes = 0;
  /** Called with each value that is read or written. */
  onValue: (value: T) => void = () => undefined;

  constructor(
    private readonly deps: Deps,
    private readonly key: string,
    private readonly schema: z.ZodType<T>,
    private readonly initial: () => T,
  ) {}

  /** Reads several values by one request. */
  static async readAll<T>(sidecar: Sidecar, all: readonly SharedValue<T>[]): Promise<T[]> {
    const writes = all.map((each) => each.#writes);
    const keys = all.map(({ key }) => key);
    const stored = await sidecar.loadMany(keys, SIDECAR_TIMEOUT_MS);
    return all.map((each, index) => {
      const { value } = each.#parsed(stored.get(each.key));
      // what this process has written meanwhile is newer
      if (each.#writes === writes[index]) each.onValue(value);
      return value;
    });
  }

  /** Makes a change. Throws ABORTED after too many conflicts, or the error of the change or the store. */
  async change(change: Waiting<T>['change']): Promise<void> {
    const done = Promise.withResolvers<undefined>();
    this.#waiting.push({ change, done });
    if (!this.#writing) void this.#writeAll();
    await done.promise;
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const together = this.#waiting.splice(0);
      try {
        await this.#write(together);
        for (const { done } of together) done.resolve(undefined);
      } catch (error) {
        for (const { done } of together) done.reject(error);
      }
    }
    this.#writing = false;
  }

  async #write(together: readonly Waiting<T>[]): Promise<void> {
    const { sidecar, clock, random } = this.deps;
    for (let attempt = 0; attempt < MAX_WRITE_ATTEMPTS; attempt++) {
      const { value, etag } = this.#parsed(await sidecar.load(this.key, SIDECAR_TIMEOUT_MS));
      for (const { change } of together) await change(value);
      if (await sidecar.save(this.key, value, etag, SIDECAR_TIMEOUT_MS)) {
        this.#writes++;
        this.onValue(value);
        return;
      }
      await clock.sleep(random() * Math.min(LONGEST_PAUSE_MS, 10 * 2 ** attempt));
    }
    throw new MicroserviceError(`too many concurrent changes of ${this.key}`, Code.ABORTED);
  }

  #parsed(stored: StoredValue | undefined): { value: T; etag: string | undefined } {
    const value = stored === undefined ? this.initial() : this.schema.parse(stored.value);
    return { value, etag: stored?.etag };
  }
}
