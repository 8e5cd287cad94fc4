import type { Chance } from '../chaos/chance';

export interface Message {
  readonly topic: string;
  readonly payload: string;
}

interface Queued extends Message {
  readonly number: number;
  /** It is sent once more when the broker has it. */
  readonly twice: boolean;
  readonly had?: (() => void) | undefined;
}

/** What the way to the broker does to messages, as parts of all. */
export interface Quirks {
  /** Sent again, though the broker has it. */
  readonly twice: number;
  /** Passed by the next one. */
  readonly passed: number;
}

/** So many are under way at once, as brokers allow. */
const WINDOW = 8;

/**
 * What a device has to say: kept until the broker has it, in its order but for what quirks do. Gone
 * offline it keeps all, and what was under way is sent anew.
 */
export class Outbox {
  #queue: Queued[] = [];
  readonly #underWay = new Set<Queued>();
  #send: ((message: Message) => Promise<void>) | undefined;
  #number = 0;
  #acknowledged = 0;

  constructor(
    private readonly chance: Chance,
    private readonly quirks: Quirks,
  ) {}

  /** Messages that the broker does not have. */
  get size(): number {
    return this.#queue.length + this.#underWay.size;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** `steady` where it must be neither repeated nor passed; `had` is called once the broker has it. */
  put(
    message: Message,
    { steady = false, had }: { steady?: boolean; had?: () => void } = {},
  ): void {
    const twice = !steady && this.chance.likely(this.quirks.twice);
    const queued = { ...message, number: (this.#number += 2), twice, had };
    const last = this.#queue.at(-1);
    const passes = !steady && last !== undefined && this.chance.likely(this.quirks.passed);
    // between the two before it
    this.#queue.push(passes ? { ...queued, number: last.number - 1 } : queued);
    if (passes) this.#queue.sort((one, other) => one.number - other.number);
    this.#pump();
  }

  /** From now on there is a way; `send` settles when the broker has the message. */
  open(send: (message: Message) => Promise<void>): void {
    this.#send = send;
    this.#pump();
  }

  close(): void {
    this.#send = undefined;
    this.#queue = [...this.#underWay, ...this.#queue].sort(
      (one, other) => one.number - other.number,
    );
    this.#underWay.clear();
  }

  #pump(): void {
    while (this.#send !== undefined && this.#underWay.size < WINDOW) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#underWay.add(next);
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
    // closed meanwhile: it is in the queue again
    if (!this.#underWay.delete(message)) return;
    if (isThere) {
      this.#acknowledged++;
      message.had?.();
      if (message.twice) this.#queue.unshift({ ...message, twice: false, had: undefined });
    } else this.#queue.unshift(message);
    this.#pump();
  }
}
