import { setTimeout as sleep } from 'node:timers/promises';
import { Chance } from '../chaos/chance';
import type { Device } from './device';
import type { Machine } from './kinds';
import type { Misdeed } from './ledger';
import { slotOf } from './plan';
import type { Platform } from './platform';
import type { Fleet } from './setup';
import { buy, machineOf, restock } from './vending';

/** How often things come about, for each device: seconds between them, on average. */
export interface Pace {
  readonly act: number;
  readonly fall: number;
  /** For so long it is away then, at least and at most. */
  readonly away: readonly [number, number];
  readonly misbehave: number;
  /** Of each machine, without cash. */
  readonly buy: number;
  /** Somebody looks after a machine. */
  readonly repair: number;
}

export const USUAL: Pace = {
  ...{ act: 30, fall: 150, misbehave: 30, buy: 120, repair: 60 },
  away: [2, 25],
};

const STARTS_ANEW = 0.3;
const MISDEEDS: readonly Misdeed[] = [
  ...['unreadable' as const, 'wrong_signature' as const, 'oversized' as const],
  ...['from_the_future' as const, 'too_old' as const],
];
const TOKENS = { tok_ok: 8, tok_declined: 1, tok_flaky: 1 } as const;
const CONNECTS_PER_SECOND = 100;

/** What happens in the shops, until it is stopped. */
export class Activity {
  readonly #stopped = new AbortController();
  #running: Promise<unknown>[] = [];

  constructor(
    private readonly fleet: Fleet,
    private readonly seed: number,
    private readonly pace: Pace,
  ) {}

  /** Connects all, some at a time, and lets things happen; a device that leaves does so after `leaveAfterMs`. */
  async begin(leaveAfterMs: number): Promise<void> {
    const { devices, probe } = this.fleet;
    probe.connect();
    for (const device of devices) {
      device.connect();
      this.#repeat(device, 'act', this.pace.act, () => {
        device.act();
      });
      this.#repeat(device, 'fall', this.pace.fall, (chance) => {
        device.fall(chance.spread(...this.pace.away) * 1_000, chance.likely(STARTS_ANEW));
      });
      if (device.plan.isRogue) {
        this.#repeat(device, 'misbehave', this.pace.misbehave, (chance) => {
          device.misbehave(chance.pick(MISDEEDS));
        });
      }
      if (device.plan.leaves) this.#later(leaveAfterMs, device);
      await sleep(1_000 / CONNECTS_PER_SECOND);
    }
  }

  /** Customers buy without cash, and somebody sees to slots that are faulty. */
  sell(admin: Platform, customers: readonly Platform[]): void {
    for (const machine of this.fleet.machines) {
      this.#repeat(machine, 'buy', this.pace.buy, async (chance) => {
        await this.#buy(machine, chance, customers);
      });
      this.#repeat(machine, 'repair', this.pace.repair, () => repair(admin, machine));
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#running);
  }

  async #buy(machine: Machine, chance: Chance, customers: readonly Platform[]) {
    const { ledger } = this.fleet.world;
    const { deviceId: machineId } = machine.identity;
    const slot = slotOf(chance.int(0, machine.plan.products.length - 1));
    const token = chance.weighted(TOKENS);
    const vendId = await buy(chance.pick(customers), machineId, slot, token);
    if (vendId !== undefined) ledger.purchases.push({ vendId, machineId, slot, token });
  }

  #repeat(device: Device, what: string, seconds: number, work: (chance: Chance) => unknown): void {
    const chance = new Chance(this.seed, `${what} ${device.plan.name}`);
    const { signal } = this.#stopped;
    const run = async () => {
      const pause = () => sleep(chance.pause(1 / seconds), true, { signal }).catch(() => false);
      while ((await pause()) && !device.isGone) await work(chance);
    };
    this.#running.push(run());
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

/** Sees to the slots that sell nothing since something went wrong with them. */
async function repair(admin: Platform, { identity: { deviceId } }: Machine): Promise<void> {
  const { slots } = await machineOf(admin, deviceId);
  for (const { slot, fault } of slots) {
    if (fault !== undefined) await restock(admin, deviceId, slot, 0);
  }
}
