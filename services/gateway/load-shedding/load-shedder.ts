/** Beyond either of these, requests are refused. */
export interface LoadThresholds {
  /** Requests that the process works on. */
  readonly inFlight: number;
  /** Milliseconds that work waits for its turn of the event loop. */
  readonly eventLoopLag: number;
}

/** Between two measurements of the event loop's lag. */
const EVERY_MS = 100;

/**
 * Decides when the process is overloaded. Accepting everything would make every request wait, even
 * those whose clients have already given up. A refusal is cheap, and the rest is answered in time.
 */
export class LoadShedder {
  /** Milliseconds; the smaller of the last two measurements, so that one pause does not count. */
  lag = 0;
  /** Requests refused since the start. */
  shed = 0;
  /**
   * Requests that the process works on. What waits for its client does not count: a body that is not
   * complete, a response that is not received, an open event stream.
   */
  working = 0;
  #latest = 0;

  constructor(readonly thresholds: LoadThresholds) {}

  /** Measures the lag of the event loop as long as the process runs. */
  start(): void {
    let due = performance.now() + EVERY_MS;
    setInterval(() => {
      const now = performance.now();
      this.recordLag(Math.max(0, now - due));
      due = now + EVERY_MS;
    }, EVERY_MS).unref();
  }

  recordLag(milliseconds: number): void {
    this.lag = Math.min(this.#latest, milliseconds);
    this.#latest = milliseconds;
  }

  /** Counts a request that the process begins to work on; false if it is overloaded. */
  begin(): boolean {
    const { thresholds, lag, working } = this;
    const isOverloaded = working >= thresholds.inFlight || lag > thresholds.eventLoopLag;
    if (isOverloaded) this.shed++;
    else this.working++;
    return !isOverloaded;
  }

  end(): void {
    this.working--;
  }
}
