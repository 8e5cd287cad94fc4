import type { Execution } from '../core/execution';
import { SIDECAR_TIMEOUT_MS, type Sidecar, type StoredValue } from '../transport/sidecar';

type Read = PromiseWithResolvers<StoredValue | undefined>;

/**
 * Joins the reads that an execution begins together, as in `Promise.all`, to one request at the sidecar:
 * a request costs far more than the read of one more document.
 */
export class JoinedReads {
  /** The reads of this turn that are not requested yet, by execution and key. */
  readonly #begun = new Map<Execution, Map<string, Read>>();

  constructor(private readonly sidecar: Sidecar) {}

  load(key: string, execution: Execution): Promise<StoredValue | undefined> {
    let reads = this.#begun.get(execution);
    if (reads === undefined) {
      reads = new Map();
      this.#begun.set(execution, reads);
      queueMicrotask(() => void this.#request(execution));
    }
    const known = reads.get(key);
    if (known !== undefined) return known.promise;
    const read: Read = Promise.withResolvers();
    reads.set(key, read);
    return read.promise;
  }

  async #request(execution: Execution): Promise<void> {
    const reads = this.#begun.get(execution) ?? new Map<string, Read>();
    this.#begun.delete(execution);
    const timeout = execution.remainingMs(SIDECAR_TIMEOUT_MS);
    const keys = [...reads.keys()];
    try {
      const [first = ''] = keys;
      const values =
        keys.length === 1
          ? new Map([[first, await this.sidecar.load(first, timeout)]])
          : await this.sidecar.loadMany(keys, timeout);
      for (const [key, read] of reads) read.resolve(values.get(key));
    } catch (error) {
      for (const read of reads.values()) read.reject(error);
    }
  }
}
