import type { Decision } from './apply-change';

/** The documents of one kind that a service owns, by id. */
export interface Store<T> {
  /** Reads that begin together, as in `Promise.all`, are one request, also of different stores. */
  get(key: string): Promise<T | undefined>;
  /** As `get`. Throws NOT_FOUND if there is no document. */
  getOrThrow(key: string): Promise<T>;
  /**
   * Saves the read of the next change of a document that most likely does not exist yet: the change first
   * tries to create it. If it exists, the change costs one more write than with the read.
   */
  assumeAbsent(key: string): void;
  /**
   * Reads, changes and writes a document; repeats that if another writer was first. `change` is pure: it
   * receives the document or undefined, returns the new document, and throws to refuse. Returning the
   * same object writes nothing.
   *
   * Idempotent: in a redelivery the change is not run again, and the document is returned as it is then.
   * A command that was refused is refused again, whatever the document has become. The changes that one
   * execution makes to one document are identified by their order. So only the last of them may depend
   * on a condition that could be different in a redelivery.
   *
   * Throws ABORTED after too many conflicts with other writers.
   */
  update(key: string, change: (current: T | undefined) => T): Promise<T>;
  /**
   * As `update`, and returns the outcome that the change decided. The outcome (small JSON) is stored with the change,
   * so that a redelivery returns the outcome of the first delivery.
   *
   * `dedupKey` is for a change that happens only once, as in `publish`: any execution that finds it made
   * receives its outcome, and can publish the event in place of a process that died before it did.
   */
  decide<O>(
    key: string,
    change: (current: T | undefined) => Decision<T, O>,
    dedupKey?: string,
  ): Promise<Decision<T, O>>;
  /**
   * Lets a document expire after a number of seconds if `isAbandoned` returns true for it. Any later
   * change, also one that writes nothing, clears the expiry, as `clearExpiry` does. Code that only reads
   * such a document and then relies on it must call `clearExpiry` first.
   */
  expireIfAbandoned(
    key: string,
    seconds: number,
    isAbandoned: (current: T) => boolean,
  ): Promise<void>;
  /** Clears the expiry of a document. Writes nothing if it has none. */
  clearExpiry(key: string): Promise<void>;
  /** Deletes a document unconditionally. */
  delete(key: string): Promise<void>;
}
