import { setTimeout as sleep } from 'node:timers/promises';
import { Order } from '../e2e/edge';
import type { Shopper } from '../e2e/market';
import type { Asked } from './ledger';

/** An order that a client knows of. */
export interface Track {
  readonly orderId: string;
  readonly token: string;
  /** When its id was first answered. */
  readonly acceptedAt: number;
  /** When it was first seen confirmed or cancelled. */
  decidedAt?: number;
}

const LOOK_MS = 1_000;
const LOOKS_AT_ONCE = 8;

/** Follows each accepted order until it is decided, as its buyer would. */
export class Tracks {
  readonly all = new Map<string, Track>();
  readonly #undecided = new Map<string, Shopper>();
  readonly #stopped = new AbortController();

  get undecided(): Track[] {
    return [...this.#undecided.keys()].flatMap((orderId) => this.all.get(orderId) ?? []);
  }

  /** Takes an order's answer into account: 201 and 422 tell that it is decided. */
  note({ told, status, endedAt }: Asked, shopper: Shopper, token: string): void {
    const { orderId } = told ?? {};
    if (orderId === undefined) return;
    if (!this.all.has(orderId)) {
      this.all.set(orderId, { orderId, token, acceptedAt: endedAt });
      this.#undecided.set(orderId, shopper);
    }
    if (status === 201 || status === 422) this.#decided(orderId, endedAt);
  }

  /** Looks after undecided orders, again and again, until it is stopped. */
  async run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await this.look();
      await sleep(LOOK_MS, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
    }
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** Looks once after each that is undecided. */
  async look(): Promise<void> {
    const queue = [...this.#undecided];
    const worker = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const [orderId, shopper] = next;
        const order = await shopper.get(Order, `/orders/${orderId}`).catch(() => undefined);
        const isDecided = order?.status === 'confirmed' || order?.status === 'cancelled';
        if (isDecided) this.#decided(orderId, Date.now());
      }
    };
    await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, worker));
  }

  #decided(orderId: string, at: number): void {
    const track = this.all.get(orderId);
    if (track !== undefined) track.decidedAt ??= at;
    this.#undecided.delete(orderId);
  }
}
