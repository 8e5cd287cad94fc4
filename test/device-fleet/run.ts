import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Activity, type Pace, USUAL } from './activity';
import type { Books } from './books';
import { type Violation, check } from './check';
import { fleetPlan } from './plan';
import { Platform, eachOf } from './platform';
import { type Reading, readBooks } from './read-books';
import { Shelf } from './kinds';
import { type Fleet, setUp } from './setup';
import { moneyLine, summaryOf } from './summary';
import { View } from './view';
import { Watch } from './watch';

export interface SimulationOptions {
  readonly seed: number;
  readonly devices: number;
  /** How long things happen. */
  readonly seconds: number;
  /** Where the edge is, and the broker of the devices. */
  readonly gateway: string;
  readonly broker: string;
  readonly admin: { readonly email: string; readonly password: string };
  /** Where the payment provider's own books are read. */
  readonly provider?: string;
  readonly view?: View;
  readonly pace?: Pace;
  /** Ends it early: what was begun is checked. */
  readonly signal?: AbortSignal;
  /** Is called when all are connected. */
  readonly begun?: () => void;
  /** Is called when nothing happens any more, and heals what was hit; what it gives is in the summary. */
  readonly ended?: () => Promise<readonly string[]>;
  /** How long nothing may get better until what does not add up is wrong. */
  readonly restMs?: number;
}

const CUSTOMERS = 4;
const SECOND = 1_000;
const SEND_MS = 120_000;
const REST_MS = 90_000;
const LOOK_MS = 3_000;
/** As many as it takes until two in a row agree, from the first that a stock can compare. */
const COUNTS = 3;

/** Lets a fleet live for a while, and compares what came of it with what really happened. */
export async function simulate(options: SimulationOptions): Promise<Violation[]> {
  const { seed, seconds, signal, view = new View(), pace = USUAL } = options;
  const begun = Date.now();
  const admin = await Platform.signIn(options.gateway, options.admin);
  const names = await admin.get(z.object({ services: z.array(z.unknown()) }), '/gateway/services');
  const vends = JSON.stringify(names).includes('vending');
  const plan = fleetPlan(seed, options.devices);
  view.say(`seed ${seed}: registering ${options.devices} devices in ${plan.shops} shops`);
  const name = `sim-${Date.now().toString(36)}`;
  const fleet = await setUp(admin, { plan, seed, name, broker: options.broker, vends });
  const customers = vends
    ? await eachOf(Array.from({ length: CUSTOMERS }), () => Platform.signUp(options.gateway))
    : [];

  view.say(`ready after ${Math.round((Date.now() - begun) / SECOND)} s`);

  const activity = new Activity(fleet, seed, pace);
  const watch = new Watch(admin, fleet, view);
  try {
    watch.begin();
    await activity.begin(seconds * SECOND * 0.7);
    if (vends) activity.sell(admin, customers);
    options.begun?.();
    await sleep(seconds * SECOND, undefined, signal === undefined ? {} : { signal }).catch(
      () => {},
    );
    await activity.stop();
    const hits = (await options.ended?.()) ?? [];
    for (const device of fleet.devices) device.rise();
    await within(SEND_MS, () => watch.unsent === 0);
    await watch.stop();
    const provider = options.provider === undefined ? {} : { provider: options.provider };
    const reading = { admin, fleet, vends, ...provider };
    const { violations, books } = await settled(reading, options.restMs ?? REST_MS, view);
    for (const line of summaryOf(fleet, watch, hits)) view.say(line);
    if (vends) view.say(moneyLine(books));
    for (const { about, message } of violations) view.say(`✗ ${about}: ${message}`);
    if (violations.length === 0) view.say('✓ stock, money, refusals and presence add up');
    return violations;
  } finally {
    await activity.stop();
    await watch.stop();
    await Promise.all([fleet.probe, ...fleet.devices].map((device) => device.close()));
  }
}

/** Has the shelves that count do so, and looks again and again until all adds up, or nothing changes any more. */
async function settled(reading: Reading, restMs: number, view: View) {
  const counters = counting(reading.fleet);
  const isCounted = ({ about }: Violation) =>
    counters.some(
      ({ productId, identity: { shopId } }) => about === `stock ${shopId}/${productId}`,
    );
  let books: Books = await readBooks(reading);
  let violations: Violation[] = [];
  const rest = async (isOpen: (violation: Violation) => boolean) => {
    let least = Infinity;
    for (let until = Date.now() + restMs; Date.now() < until;) {
      books = await readBooks(reading);
      violations = check(books);
      const open = violations.filter(isOpen);
      const [first] = open;
      if (first === undefined) return;
      if (open.length < least) {
        view.say(`${open.length} to come to rest, such as ${first.about}: ${first.message}`);
        // as long as it gets less, it is only slow
        until = Date.now() + restMs;
        least = open.length;
      }
      await sleep(LOOK_MS);
    }
  };
  // what is counted must not hide that a message is still on its way
  await rest((violation) => !isCounted(violation));
  for (let count = 0; count < COUNTS; count++) {
    for (const shelf of counters) shelf.count();
    await sleep(SECOND);
  }
  await rest(() => true);
  return { violations, books };
}

const counting = ({ devices }: Fleet) =>
  devices
    .filter((device) => device instanceof Shelf)
    .filter(({ plan, isGone }) => plan.counts && !isGone);

async function within(ms: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const until = Date.now() + ms;
  while (!(await isSo()) && Date.now() < until) await sleep(Math.min(LOOK_MS, ms / 20));
}
