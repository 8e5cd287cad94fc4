import { setTimeout as sleep } from 'node:timers/promises';
import { Order } from '../e2e/edge';
import type { Shopper } from '../e2e/fixtures';
import { eachOf } from '../tools/each-of';
import type { LoggedRequest } from './request-log';

/** An order that a client knows of. */
export interface TrackedOrder {
  readonly orderId: string;
  readonly token: string;
  /** When its id was first answered. */
  readonly acceptedAt: number;
  /** When it was first seen confirmed or cancelled. */
  decidedAt?: number;
}

const POLL_MS = 1_000;
const CONCURRENCY = 8;

/** Polls each accepted order until it is decided, as its buyer would. */
export class OrderTracker {
  readonly all = new Map<string, TrackedOrder>();
  readonly #undecided = new Map<string, Shopper>();
  readonly #stopped = new AbortController();

  get undecided(): TrackedOrder[] {
    return [...this.#undecided.keys()].flatMap((orderId) => this.all.get(orderId) ?? []);
  }

  /** Tracks the order of an answer; 201 and 422 mean that it is decided. */
  note({ data, status, endedAt }: LoggedRequest, shopper: Shopper, token: string): void {
    const { orderId } = data ?? {};
    if (orderId === undefined) return;
    if (!this.all.has(orderId)) {
      this.all.set(orderId, { orderId, token, acceptedAt: endedAt });
      this.#undecided.set(orderId, shopper);
    }
    if (status === 201 || status === 422) this.#decided(orderId, endedAt);
  }

  /** Polls the undecided orders until it is stopped. */
  async run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await this.poll();
      await sleep(POLL_MS, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
    }
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** Reads each undecided order once. */
  async poll(): Promise<void> {
    await eachOf([...this.#undecided], CONCURRENCY, async ([orderId, shopper]) => {
      const order = await shopper.get(Order, `/orders/${orderId}`).catch(() => undefined);
      const isDecided = order?.status === 'confirmed' || order?.status === 'cancelled';
      if (isDecided) this.#decided(orderId, Date.now());
    });
  }

  #decided(orderId: string, at: number): void {
    const order = this.all.get(orderId);
    if (order !== undefined) order.decidedAt ??= at;
    this.#undecided.delete(orderId);
  }
}
