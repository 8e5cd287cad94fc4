/** Limits of what is open concurrently, such as connections, and what a client may hold of it. */
export interface Bounds {
  /** For all clients together. */
  readonly total: number;
  readonly perClient: number;
  /**
   * The part of `total` that is kept for clients with fewer than `reservedPerClient`, so that a few
   * clients at their limit do not lock out all others.
   */
  readonly reserved: number;
  readonly reservedPerClient: number;
}

/** Why the limit is reached: by one client, or by all clients together. */
export type NoPlace = 'client' | 'total';

/** Counts what is open, in total and by client. A client is named by a short string. */
export class ConcurrencyLimit {
  readonly #byClient = new Map<string, number>();
  #open = 0;

  constructor(readonly bounds: Bounds) {}

  /** What is open, of all clients. */
  get open(): number {
    return this.#open;
  }

  openOf(client: string): number {
    return this.#byClient.get(client) ?? 0;
  }

  /** Takes a place and returns the function that gives it back, or why there is none. */
  take(client: string): (() => void) | NoPlace {
    const { total, perClient, reserved, reservedPerClient } = this.bounds;
    const mine = this.openOf(client);
    if (mine >= perClient) return 'client';
    if (this.#open >= total) return 'total';
    if (this.#open >= total - reserved && mine >= reservedPerClient) return 'total';
    this.#open++;
    this.#byClient.set(client, mine + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      this.#open--;
      const left = this.openOf(client) - 1;
      if (left > 0) this.#byClient.set(client, left);
      else this.#byClient.delete(client);
    };
  }
}
