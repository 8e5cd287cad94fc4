import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Platform } from './platform';
import { type Fleet } from './setup';
import type { ProgressView } from './progress-view';

const Stock = z.object({ available: z.int() });
const Letters = z.object({ total: z.int() });
const SUBSCRIBERS = ['iot-gateway', 'inventory', 'vending'];
const PROBE_MS = 1_000;
const LOOK_MS = 50;
const LETTERS_MS = 5_000;

/** Measures a fleet and the platform while devices are active: a line per second. */
export class Monitor {
  readonly #stopped = new AbortController();
  #running: Promise<void>[] = [];
  #deadLetters = 0;
  readonly lags: number[] = [];
  #started = 0;
  #rates: number[] = [];

  constructor(
    private readonly admin: Platform,
    private readonly fleet: Fleet,
    private readonly view: ProgressView,
  ) {}

  get unsent(): number {
    return this.#sum(({ outbox }) => outbox.size);
  }

  get acknowledged(): number {
    return this.#sum(({ outbox }) => outbox.acknowledged);
  }

  get perSecond(): number {
    return this.acknowledged / this.seconds;
  }

  get seconds(): number {
    return Math.max(1, this.#rates.length);
  }

  begin(): void {
    this.#started = Date.now();
    this.#running = [this.#show(), this.#probe(), this.#countDeadLetters()];
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#running);
  }

  async #show(): Promise<void> {
    let before = 0;
    while (await this.#pause(1_000)) {
      const { acknowledged } = this;
      const perSecond = acknowledged - before;
      before = acknowledged;
      this.#rates.push(perSecond);
      this.view.show({
        seconds: Math.round((Date.now() - this.#started) / 1_000),
        perSecond,
        online: this.fleet.devices.filter(({ isUp }) => isUp).length,
        devices: this.fleet.devices.length,
        lagMs: this.lags.at(-1),
        deadLetters: this.#deadLetters,
        unsent: this.unsent,
      });
    }
  }

  /** Measures the lag: one shelf reports a new piece, and its stock is polled until it is there. */
  async #probe(): Promise<void> {
    const { probe, environment } = this.fleet;
    const { shopId } = probe.identity;
    const path = `/inventory/${shopId}/${probe.productId}`;
    while (await this.#pause(PROBE_MS)) {
      const reportedAt = Date.now();
      environment.ledger.move(shopId, probe.productId, 1);
      probe.report('stock', { mode: 'delta', productId: probe.productId, change: 1 });
      const wanted = probe.pieces;
      let isVisible = false;
      while (!isVisible && (await this.#pause(LOOK_MS))) {
        const stock = await this.admin.get(Stock, path).catch(() => undefined);
        isVisible = stock !== undefined && stock.available >= wanted;
      }
      if (isVisible) this.lags.push(Date.now() - reportedAt);
    }
  }

  async #countDeadLetters(): Promise<void> {
    while (await this.#pause(LETTERS_MS)) {
      const totals = await Promise.all(
        SUBSCRIBERS.map((service) =>
          this.admin
            .get(Letters, `/admin/dead-letters/${service}?limit=1`)
            .catch(() => ({ total: 0 })),
        ),
      );
      this.#deadLetters = totals.reduce((sum, { total }) => sum + total, 0);
    }
  }

  #pause(ms: number): Promise<boolean> {
    return sleep(ms, true, { signal: this.#stopped.signal }).catch(() => false);
  }

  #sum(of: (device: Fleet['devices'][number]) => number): number {
    return [this.fleet.probe, ...this.fleet.devices].reduce((sum, each) => sum + of(each), 0);
  }
}
