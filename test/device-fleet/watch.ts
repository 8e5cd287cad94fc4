import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Platform } from './platform';
import { type Fleet } from './setup';
import type { View } from './view';

const Stock = z.object({ available: z.int() });
const Letters = z.object({ total: z.int() });
const HEARERS = ['iot-gateway', 'inventory', 'vending'];
const PROBE_MS = 1_000;
const LOOK_MS = 50;
const LETTERS_MS = 5_000;

/** Looks at a fleet and at the platform while things happen: a line each second. */
export class Watch {
  readonly #stopped = new AbortController();
  #running: Promise<void>[] = [];
  #deadLetters = 0;
  readonly lags: number[] = [];
  #started = 0;
  #rates: number[] = [];

  constructor(
    private readonly admin: Platform,
    private readonly fleet: Fleet,
    private readonly view: View,
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
    this.#running = [this.#glance(), this.#probe(), this.#letters()];
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#running);
  }

  async #glance(): Promise<void> {
    let before = 0;
    while (await this.#pause(1_000)) {
      const { acknowledged } = this;
      const perSecond = acknowledged - before;
      before = acknowledged;
      this.#rates.push(perSecond);
      this.view.glance({
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

  /** One shelf tells of a piece that came, and it is looked at when the platform has it. */
  async #probe(): Promise<void> {
    const { probe, world } = this.fleet;
    const { shopId } = probe.identity;
    const path = `/inventory/${shopId}/${probe.productId}`;
    while (await this.#pause(PROBE_MS)) {
      const said = Date.now();
      world.ledger.move(shopId, probe.productId, 1);
      probe.say('stock', { mode: 'delta', productId: probe.productId, change: 1 });
      const wanted = probe.pieces;
      let isThere = false;
      while (!isThere && (await this.#pause(LOOK_MS))) {
        const stock = await this.admin.get(Stock, path).catch(() => undefined);
        isThere = stock !== undefined && stock.available >= wanted;
      }
      if (isThere) this.lags.push(Date.now() - said);
    }
  }

  async #letters(): Promise<void> {
    while (await this.#pause(LETTERS_MS)) {
      const totals = await Promise.all(
        HEARERS.map((service) =>
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
