import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Activity, type Pace, USUAL } from './activity';
import type { Finding } from '../invariants/books';
import type { Books } from './books';
import { check } from './check';
import { fleetPlan } from './plan';
import { Platform, eachOf } from './platform';
import { type Reading, readBooks } from './read-books';
import { Shelf } from './kinds';
import { type Fleet, openShops, setUp } from './setup';
import type { Misdeed } from './ledger';
import { moneyLine, summaryOf } from './summary';
import { ProgressView } from './progress-view';
import { Monitor } from './monitor';

export interface FleetOptions {
  readonly seed: number;
  readonly devices: number;
  /** How long the devices are active. */
  readonly seconds: number;
  /** The URLs of the edge and of the MQTT broker. */
  readonly gateway: string;
  readonly broker: string;
  /** What the broker drops itself, so that the platform cannot refuse it. */
  readonly brokerDrops: readonly Misdeed[];
  readonly admin: { readonly email: string; readonly password: string };
  /** The URL of the payment provider simulator; without it money is not checked. */
  readonly provider?: string;
  readonly view?: ProgressView;
  readonly pace?: Pace;
  /** Ends the activity early; the checks still run. */
  readonly signal?: AbortSignal;
  /** Called when all devices are registered; creates their accounts at a broker that needs them. */
  readonly registered?: (admin: Platform) => Promise<void>;
  /** Called when all devices are connected. */
  readonly begun?: () => void;
  /** Called at the end of the activity; ends injected faults and returns them for the summary. */
  readonly ended?: () => Promise<readonly string[]>;
  /** How long the differences may stay the same until they are violations. */
  readonly restMs?: number;
}

const CUSTOMERS = 4;
const SECOND = 1_000;
const SEND_MS = 120_000;
const REST_MS = 90_000;
const POLL_MS = 3_000;
/** Two counts in a row must agree, and the first one may not be comparable. */
const COUNTS = 3;

/** Runs a fleet for a while, and compares the platform's records with what really happened. */
export async function runFleet(options: FleetOptions): Promise<Finding[]> {
  const { seed, seconds, signal, view = new ProgressView(), pace = USUAL } = options;
  const begun = Date.now();
  const admin = await Platform.signIn(options.gateway, options.admin);
  const names = await admin.get(z.object({ services: z.array(z.unknown()) }), '/gateway/services');
  const vends = JSON.stringify(names).includes('vending');
  const plan = fleetPlan(seed, options.devices);
  view.print(`seed ${seed}: registering ${options.devices} devices in ${plan.shops} shops`);
  const name = `sim-${Date.now().toString(36)}`;
  await openShops(admin, { plan, name });
  const fleet = await setUp(admin, { plan, seed, name, broker: options.broker, vends });
  await options.registered?.(admin);
  const customers = vends
    ? await eachOf(Array.from({ length: CUSTOMERS }), () => Platform.signUp(options.gateway))
    : [];

  view.print(`ready after ${Math.round((Date.now() - begun) / SECOND)} s`);

  const activity = new Activity(fleet, seed, pace);
  const monitor = new Monitor(admin, fleet, view);
  try {
    monitor.begin();
    await activity.begin(seconds * SECOND * 0.7);
    if (vends) activity.sell(admin, customers);
    options.begun?.();
    const active = sleep(seconds * SECOND, undefined, signal === undefined ? {} : { signal });
    await Promise.race([active.catch(() => {}), activity.failure]);
    await activity.stop();
    const faults = (await options.ended?.()) ?? [];
    for (const device of fleet.devices) device.comeBack();
    await within(SEND_MS, () => monitor.unsent === 0);
    await monitor.stop();
    const provider = options.provider === undefined ? {} : { provider: options.provider };
    const reading = { admin, fleet, vends, brokerDrops: options.brokerDrops, ...provider };
    const { violations, books } = await settled(reading, options.restMs ?? REST_MS, view);
    for (const line of summaryOf(fleet, monitor, faults)) view.print(line);
    if (vends) view.print(moneyLine(books));
    for (const { about, message } of violations) view.print(`✗ ${about}: ${message}`);
    if (violations.length === 0) view.print('✓ stock, money, refusals and presence add up');
    return violations;
  } finally {
    await activity.stop();
    await monitor.stop();
    await Promise.all([fleet.probe, ...fleet.devices].map((device) => device.close()));
    await admin.signOut();
  }
}

/** Reads and checks until everything adds up, or the differences stay the same; shelves that count do so before the end. */
async function settled(reading: Reading, restMs: number, view: ProgressView) {
  const counters = counting(reading.fleet);
  const isCounted = ({ about }: Finding) =>
    counters.some(
      ({ productId, identity: { shopId } }) => about === `stock ${shopId}/${productId}`,
    );
  let books: Books = await readBooks(reading);
  let violations: Finding[] = [];
  const rest = async (isOpen: (violation: Finding) => boolean) => {
    let least = Infinity;
    for (let until = Date.now() + restMs; Date.now() < until;) {
      books = await readBooks(reading);
      violations = check(books);
      const open = violations.filter(isOpen);
      const [first] = open;
      if (first === undefined) return;
      if (open.length < least) {
        view.print(`waiting for ${open.length}, such as ${first.about}: ${first.message}`);
        // as long as their number falls, the platform is only slow
        until = Date.now() + restMs;
        least = open.length;
      }
      await sleep(POLL_MS);
    }
  };
  // a count must not hide that a message is still in flight
  await rest((violation) => !isCounted(violation));
  const stuck = violations.filter((violation) => !isCounted(violation)).map(({ about }) => about);
  for (let count = 0; count < COUNTS; count++) {
    for (const shelf of counters) shelf.count();
    await sleep(SECOND);
  }
  // what stayed the same is not waited for again
  await rest(({ about }) => !stuck.includes(about));
  return { violations, books };
}

const counting = ({ devices }: Fleet) =>
  devices
    .filter((device) => device instanceof Shelf)
    .filter(({ plan, hasLeft }) => plan.counts && !hasLeft);

async function within(ms: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const until = Date.now() + ms;
  while (!(await isSo()) && Date.now() < until) await sleep(Math.min(POLL_MS, ms / 20));
}
