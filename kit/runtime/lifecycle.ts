import { unavailable } from '../core/errors';

/** Counts the running work of a process, and refuses new work once the process stops. */
export class Lifecycle {
  #activeCount = 0;
  #idle: PromiseWithResolvers<unknown> | undefined;
  readonly #stopping = new AbortController();

  constructor(private readonly service: string) {}

  /** The number of calls, events, jobs and messages that are running. */
  get activeCount(): number {
    return this.#activeCount;
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Aborted when the process stops. */
  get stopSignal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Throws UNAVAILABLE if the process stops, so that another replica does the work. */
  assertNotStopping(): void {
    if (this.isStopping) throw unavailable(`${this.service} is stopping`);
  }

  /** Runs work and counts it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#activeCount++;
    try {
      return await work();
    } finally {
      this.#activeCount--;
      if (this.#activeCount === 0) {
        this.#idle?.resolve(undefined);
        this.#idle = undefined;
      }
    }
  }

  /** Refuses new work from now on. Resolves when no work is running. */
  async drain(): Promise<void> {
    this.#stopping.abort();
    await this.whenIdle();
  }

  /** Resolves when no work is running. */
  async whenIdle(): Promise<void> {
    if (this.#activeCount === 0) return;
    this.#idle ??= Promise.withResolvers<unknown>();
    await this.#idle.promise;
  }
}
