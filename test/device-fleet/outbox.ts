import type { SeededRandom } from '../tools/seeded-random';

export interface Message {
  readonly topic: string;
  readonly payload: string | Buffer;
}

interface Queued extends Message {
  readonly number: number;
  /** It is sent once more after the broker has it. */
  readonly duplicated: boolean;
  readonly delivered?: (() => void) | undefined;
}

/** The parts of all messages that are disturbed on their way to the broker. */
export interface Disturbances {
  /** Sent again although the broker has it. */
  readonly duplicated: number;
  /** Overtaken by the next one. */
  readonly overtaken: number;
}

/** Messages in flight at a time; brokers limit it. */
const WINDOW = 8;

/**
 * The messages of a device, stored until the broker has them and sent in order, but for disturbances.
 * Offline it stores them all; messages that were in flight are sent again.
 */
export class Outbox {
  #queue: Queued[] = [];
  readonly #inFlight = new Set<Queued>();
  #send: ((message: Message) => Promise<void>) | undefined;
  #number = 0;
  #acknowledged = 0;

  constructor(
    private readonly random: SeededRandom,
    private readonly disturbances: Disturbances,
  ) {}

  /** Messages that the broker does not have yet. */
  get size(): number {
    return this.#queue.length + this.#inFlight.size;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** A `steady` message is not disturbed; `delivered` is called when the broker has it. */
  put(
    message: Message,
    { steady = false, delivered }: { steady?: boolean; delivered?: () => void } = {},
  ): void {
    const duplicated = !steady && this.random.likely(this.disturbances.duplicated);
    const queued = { ...message, number: (this.#number += 2), duplicated, delivered };
    const last = this.#queue.at(-1);
    const overtakes =
      !steady && last !== undefined && this.random.likely(this.disturbances.overtaken);
    // its number is between those of the two before it
    this.#queue.push(overtakes ? { ...queued, number: last.number - 1 } : queued);
    if (overtakes) this.#queue.sort((one, other) => one.number - other.number);
    this.#pump();
  }

  /** Sends from now on; `send` settles when the broker has the message. */
  open(send: (message: Message) => Promise<void>): void {
    this.#send = send;
    this.#pump();
  }

  close(): void {
    this.#send = undefined;
    this.#queue = [...this.#inFlight, ...this.#queue].sort(
      (one, other) => one.number - other.number,
    );
    this.#inFlight.clear();
  }

  #pump(): void {
    while (this.#send !== undefined && this.#inFlight.size < WINDOW) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#inFlight.add(next);
      void this.#deliver(next, this.#send);
    }
  }

  async #deliver(message: Queued, send: (message: Message) => Promise<void>): Promise<void> {
    let isThere = true;
    try {
      await send(message);
    } catch {
      isThere = false;
    }
    // closed in the meantime: it is in the queue again
    if (!this.#inFlight.delete(message)) return;
    if (isThere) {
      this.#acknowledged++;
      message.delivered?.();
      if (message.duplicated)
        this.#queue.unshift({ ...message, duplicated: false, delivered: undefined });
    } else this.#queue.unshift(message);
    this.#pump();
  }
}
