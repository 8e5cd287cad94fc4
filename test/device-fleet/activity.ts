import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../tools/seeded-random';
import type { Device } from './device';
import type { Machine } from './kinds';
import type { Misdeed } from './ledger';
import { slotOf } from './plan';
import type { Platform } from './platform';
import type { Fleet } from './setup';
import { buy, machineOf, restock } from './vending';

/** The mean seconds between two actions of a kind, for each device. */
export interface Pace {
  readonly act: number;
  readonly disconnect: number;
  /** The least and most seconds that it is offline then. */
  readonly offline: readonly [number, number];
  readonly misbehave: number;
  /** For each device with a bad clock. */
  readonly setClock: number;
  /** Purchases without cash, for each machine. */
  readonly buy: number;
  /** Repairs, for each machine. */
  readonly repair: number;
}

export const USUAL: Pace = {
  act: 30,
  disconnect: 150,
  offline: [2, 25],
  misbehave: 30,
  setClock: 60,
  buy: 120,
  repair: 60,
};

const RESTARTS = 0.3;
const MISDEEDS: readonly Misdeed[] = [
  'unreadable',
  'wrong_signature',
  'oversized',
  'out_of_range',
  'not_utf8',
];
const TOKENS = { tok_ok: 8, tok_declined: 1, tok_flaky: 1 } as const;
const CONNECTS_PER_SECOND = 100;

/** The actions of devices, customers and staff, until it is stopped. */
export class Activity {
  readonly #stopped = new AbortController();
  readonly #failure = Promise.withResolvers<never>();
  #running: Promise<unknown>[] = [];

  constructor(
    private readonly fleet: Fleet,
    private readonly seed: number,
    private readonly pace: Pace,
  ) {
    // it is awaited once the devices are connected
    this.#failure.promise.catch(() => {});
  }

  /** Rejects when an action fails, as when the platform does not respond. */
  get failure(): Promise<never> {
    return this.#failure.promise;
  }

  /** Connects the devices at a steady rate, and begins their actions; those that leave do so after `leaveAfterMs`. */
  async begin(leaveAfterMs: number): Promise<void> {
    const { devices, probe } = this.fleet;
    probe.connect();
    for (const device of devices) {
      device.connect();
      this.#repeat(device, 'act', this.pace.act, () => {
        device.act();
      });
      this.#repeat(device, 'fall', this.pace.disconnect, (random) => {
        device.goOffline(random.spread(...this.pace.offline) * 1_000, random.likely(RESTARTS));
      });
      if (device.plan.hasBadClock) {
        this.#repeat(device, 'setClock', this.pace.setClock, () => {
          device.setClock();
          this.fleet.environment.ledger.clocksSet++;
        });
      }
      if (device.plan.isRogue) {
        this.#repeat(device, 'misbehave', this.pace.misbehave, (random) => {
          device.misbehave(random.pick(MISDEEDS));
        });
      }
      if (device.plan.leaves) this.#later(leaveAfterMs, device);
      await sleep(1_000 / CONNECTS_PER_SECOND);
    }
  }

  /** Customers buy without cash, and faulty slots are repaired. */
  sell(admin: Platform, customers: readonly Platform[]): void {
    for (const machine of this.fleet.machines) {
      this.#repeat(machine, 'buy', this.pace.buy, async (random) => {
        await this.#buy(machine, random, customers);
      });
      this.#repeat(machine, 'repair', this.pace.repair, () => repair(admin, machine));
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#running);
  }

  async #buy(machine: Machine, random: SeededRandom, customers: readonly Platform[]) {
    const { ledger } = this.fleet.environment;
    const { deviceId: machineId } = machine.identity;
    const slot = slotOf(random.int(0, machine.plan.products.length - 1));
    const token = random.weighted(TOKENS);
    const vendId = await buy(random.pick(customers), machineId, slot, token);
    if (vendId !== undefined) ledger.purchases.push({ vendId, machineId, slot, token });
  }

  #repeat(
    device: Device,
    what: string,
    seconds: number,
    work: (random: SeededRandom) => unknown,
  ): void {
    const random = new SeededRandom(this.seed, `${what} ${device.plan.name}`);
    const { signal } = this.#stopped;
    const run = async () => {
      const pause = () => sleep(random.pause(1 / seconds), true, { signal }).catch(() => false);
      while ((await pause()) && !device.hasLeft) await work(random);
    };
    this.#running.push(run().catch(this.#failure.reject));
  }

  #later(afterMs: number, device: Device): void {
    const { signal } = this.#stopped;
    const leave = async () => {
      if (!(await sleep(afterMs, true, { signal }).catch(() => false))) return;
      device.depart();
    };
    this.#running.push(leave());
  }
}

/** Restocks the slots that are out of use, which repairs them. */
async function repair(admin: Platform, { identity: { deviceId } }: Machine): Promise<void> {
  const { slots } = await machineOf(admin, deviceId);
  for (const { slot, fault } of slots) {
    if (fault !== undefined) await restock(admin, deviceId, slot, 0);
  }
}
