import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { brokerLog } from '../harness/bus/broker-log';
import { freePorts } from '../harness/ports';
import type { SystemOptions } from '../harness/system';
import { until } from '../harness/until';
import { Market, type Shopper } from '../e2e/market';
import { PIECES, SHOPPERS, asks } from './asks';
import { check, trailOf } from './check';
import { Faults } from './faults';
import { Ledger } from './ledger';
import { Load } from './load';
import { Proxy } from './proxy';
import { providerLedger } from './provider-ledger';
import { type Reading, readBooks } from './read-books';
import { recoveries } from './recovery';
import { type Report, inText, reportOf, scheduleInWords } from './report';
import { rest } from './rest';
import { type Fault, type Targets } from './schedule';
import { SmallDisk } from './small-disk';
import { Tracks } from './tracks';

export interface ChaosOptions {
  readonly seed: number;
  /** How long the load lasts. */
  readonly seconds: number;
  readonly ordersPerSecond: number;
  /** Where the ledger, the report and, if something is wrong, all logs are written. */
  readonly folder: string;
  readonly plan: (targets: Targets) => readonly Fault[];
  readonly tell: (line: string) => void;
  /** Ends the run early: what was begun is healed and checked. */
  readonly signal?: AbortSignal;
  readonly system?: SystemOptions;
  readonly shoppers?: number;
  /** From the last fault until everything is at rest; what is not by then is stuck. */
  readonly restMs?: number;
  /** Whether logs and documents are kept where something is wrong. */
  readonly keep?: boolean;
}

const STATUS_MS = 10_000;
const SET_UP_MS = 180_000;
const REST_MS = 120_000;
/** The orders of a minute need about so much, and as much again is free. */
const DISK_MB = { atLeast: 96, perMinute: 24 };

/** Starts a system, hits it under load, heals it, and checks what came of it. */
export async function runChaos(options: ChaosOptions): Promise<Report> {
  const { seed, seconds, folder, tell, signal, keep = true, restMs = REST_MS } = options;
  mkdirSync(folder, { recursive: true });
  const noDisk = diskFor(options.system?.state);
  const notRun = noDisk === undefined ? [] : [`disk-full: ${noDisk}`];
  for (const what of notRun) tell(`not run: ${what}`);

  const place = new Place(noDisk === undefined ? seconds / 60 : undefined);
  const ledger = new Ledger(join(folder, 'ledger.jsonl'));
  let market: Market | undefined;
  let faults: Faults | undefined;
  let load: Load | undefined;
  let status: NodeJS.Timeout | undefined;
  const tracks = new Tracks();
  let failed = true;
  try {
    market = await Market.open({
      controlPlane: true,
      ...options.system,
      front: (server, port) => place.front(server, port),
      prepare: (world) => {
        place.prepare(world);
      },
    });
    const { world } = market;
    const bus = brokerLog(world);
    await bus.keep();
    const shoppers: Shopper[] = [];
    const products: string[] = [];
    // one by one: a password takes a second to hash, by design
    const shopper = () => market!.shopper();
    const product = () => market!.product(0);
    const wanted = options.shoppers ?? SHOPPERS;
    while (shoppers.length < wanted) shoppers.push(await until('a shopper', shopper, SET_UP_MS));
    while (products.length < PIECES.length)
      products.push(await until('a product', product, SET_UP_MS));
    const clients = new Load(market, shoppers, products, ledger, tracks);
    load = clients;
    for (const [at, pieces] of PIECES.entries()) {
      await clients.adjust(`chaos-${seed}-opening-${at}`, products[at] ?? '', pieces);
    }

    faults = new Faults(world, place.wires, place.disk);
    const plan = options.plan(faults.targets);
    tell(`seed ${seed}, ${plan.length} faults:\n${scheduleInWords(plan)}`);
    faults.watch();
    const started = Date.now();
    const elapsed = () => `${((Date.now() - started) / 1_000).toFixed(0)} s`.padStart(6);
    status = setInterval(() => {
      const { size } = tracks.all;
      const waiting = tracks.undecided.length;
      tell(
        `${elapsed()}: ${ledger.asked.length} asked, ${size} orders, ${waiting} undecided, ${clients.inFlight} in flight, ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`,
      );
    }, STATUS_MS);

    const following = tracks.run();
    const loading = clients.run(asks(seed, options.ordersPerSecond));
    const hitting = faults.run(plan, (line) => {
      tell(`${elapsed()}: ${line}`);
    });
    await sleep(seconds * 1_000, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    faults.heal();
    await hitting;
    await clients.stop();
    await loading;
    const loaded = (Date.now() - started) / 1_000;

    tell(`${elapsed()}: everything is healed, waiting for rest`);
    // a sidecar ends while its broker is not there yet, and is started again
    const ready = () => Promise.all(world.apps.map((app) => app.ready()));
    await until('all apps, after the last fault', ready, SET_UP_MS);
    const unanswered = await clients.settle();
    await rest({ bus, tracks, withinMs: restMs });
    const stranded = tracks.undecided.map(({ orderId }) => orderId);
    const deadLettered = await clients.replayAll();
    await rest({ bus, tracks, withinMs: restMs / 2 });
    tracks.stop();
    await following;
    clearInterval(status);

    tell(`${elapsed()}: reading the books`);
    const { asked } = ledger;
    const captures = await providerLedger(world.standIn('payment-provider'));
    const reading: Reading = { market, bus, shoppers, products, asked, captures, stranded };
    const books = await readBooks(reading);
    const violations = check(books).map((violation) => ({
      ...violation,
      trail: trailOf(books, violation.about),
    }));
    const { hits, deaths } = faults;
    const report = reportOf({
      ...{ bus: world.broker.name, seed, seconds: loaded, notRun, deadLettered, unanswered },
      heldBack: clients.heldBack,
      ...{ books, hits, deaths, violations },
      recoveries: recoveries(hits, tracks.all.values(), Date.now()),
    });
    writeFileSync(
      join(folder, 'report.json'),
      JSON.stringify({ ...report, hits, deaths }, null, 2),
    );
    writeFileSync(join(folder, 'report.txt'), inText(report, hits));
    tell(inText(report, hits));
    failed = violations.length > 0;
    return report;
  } finally {
    clearInterval(status);
    tracks.stop();
    await faults?.stop();
    await load?.stop();
    await ledger.close();
    if (failed && keep && market !== undefined) {
      for (const part of ['logs', 'data']) {
        cpSync(join(market.world.folder, part), join(folder, part), { recursive: true });
      }
      tell(`kept: ${folder}`);
    }
    await market?.close();
    await place.close();
  }
}

/** Why the documents cannot be on a small disk; undefined where they can. */
function diskFor(state: SystemOptions['state']): string | undefined {
  // what a database needs of a disk is another matter than what the documents in it need
  if (state !== undefined && state !== 'sqlite') return `the documents are in ${state}`;
  return SmallDisk.impossible();
}

/** What stands between the system and the machine: wires, and a disk of its own. */
class Place {
  readonly wires = new Map<string, Proxy>();
  disk: SmallDisk | undefined;

  /** With a disk for so many minutes of load; none where that is not given. */
  constructor(private readonly minutes: number | undefined) {}

  async front(server: string, port: number): Promise<number> {
    const [front = 0] = await freePorts(1);
    this.wires.set(`${server}-wire`, await Proxy.open(port, front));
    return front;
  }

  prepare(folder: string): void {
    if (this.minutes === undefined) return;
    const megabytes = DISK_MB.atLeast + Math.ceil(DISK_MB.perMinute * this.minutes);
    this.disk = SmallDisk.at(join(folder, 'data'), megabytes);
  }

  async close(): Promise<void> {
    this.disk?.remove();
    await Promise.all([...this.wires.values()].map((wire) => wire.close()));
  }
}
