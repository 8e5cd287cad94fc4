import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { delivery } from '../../services/delivery/definition';
import { inventory } from '../../services/inventory/definition';
import { notification } from '../../services/notification/definition';
import { order } from '../../services/order/definition';
import { payment } from '../../services/payment/definition';
import { product } from '../../services/product/definition';
import { shop } from '../../services/shop/definition';
import { user } from '../../services/user/definition';
import type { AnyService } from '#kit/service/service';
import { brokerLog } from '../harness/bus/broker-log';
import { freePorts } from '../harness/ports';
import type { RunningSystem } from '../harness/running-system';
import type { SystemOptions } from '../harness/system';
import { until } from '../harness/until';
import { providerCaptures } from '../harness/provider-ledger';
import { check } from '../invariants/check';
import { SystemFixture, type Shopper } from '../e2e/fixtures';
import { FaultInjection } from './fault-injection';
import { Load, SERVICES } from './load';
import { OrderTracker } from './order-tracker';
import { OutageWatch, type ParkedHistory, parkedHistory } from './outages';
import { Proxy } from './proxy';
import { emailsIn, readBooks } from './read-books';
import { recoveries } from './recovery';
import { type Report, reportOf, reportText, scheduleText } from './report';
import { RequestLog } from './request-log';
import { rest } from './rest';
import { type Fault, type Targets } from './schedule';
import { SmallDisk } from './small-disk';
import { trailOf } from './trail';
import { OPENING_STOCK, SHOPPERS, workload } from './workload';

export interface ChaosOptions {
  readonly seed: number;
  /** How long the load lasts. */
  readonly seconds: number;
  readonly ordersPerSecond: number;
  /** For the request log, the report and, where an invariant is violated, all logs. */
  readonly folder: string;
  readonly plan: (targets: Targets) => readonly Fault[];
  readonly log: (line: string) => void;
  /** Ends the load early: the faults end, and the invariants are checked. */
  readonly signal?: AbortSignal;
  readonly system?: SystemOptions;
  readonly shoppers?: number;
  /** From the end of the last fault until everything is at rest; an order that is undecided then is stuck. */
  readonly restMs?: number;
  /** Whether logs and documents are kept where an invariant is violated. */
  readonly keep?: boolean;
  /** Whether the faults are outages of one service after the other: see outages.ts. */
  readonly outages?: boolean;
}

const DEFINED: readonly AnyService[] = [
  ...[delivery, inventory, notification, order, payment, product, shop, user],
];

const STATUS_MS = 10_000;
const SET_UP_MS = 180_000;
const REST_MS = 120_000;
/** The orders of a minute need about half of `perMinute`. */
const DISK_MB = { atLeast: 96, perMinute: 24 };

/** Starts a system, injects faults under load, ends them, and checks the invariants. */
export async function runChaos(options: ChaosOptions): Promise<Report> {
  const { seed, seconds, folder, log, signal, keep = true, restMs = REST_MS } = options;
  mkdirSync(folder, { recursive: true });
  const noDisk = whyNoDisk(options.system?.state);
  const notRun = noDisk === undefined ? [] : [`disk-full: ${noDisk}`];
  for (const what of notRun) log(`not run: ${what}`);

  const place = new Place(noDisk === undefined ? seconds / 60 : undefined);
  const requestLog = new RequestLog(join(folder, 'ledger.jsonl'));
  let fixture: SystemFixture | undefined;
  let faults: FaultInjection | undefined;
  let load: Load | undefined;
  let status: NodeJS.Timeout | undefined;
  const tracker = new OrderTracker();
  let failed = true;
  try {
    fixture = await SystemFixture.open({
      controlPlane: true,
      ...options.system,
      ...(options.outages === true ? { env: { ...options.system?.env, LOG_LEVEL: 'debug' } } : {}),
      front: (server, port) => place.front(server, port),
      prepare: (system) => {
        place.prepare(system);
      },
    });
    const { system } = fixture;
    const bus = brokerLog(system);
    await bus.keep();
    const shoppers: Shopper[] = [];
    const products: string[] = [];
    // one by one: hashing a password takes a second, by design
    const shopper = () => fixture!.shopper();
    const newProduct = () => fixture!.product(0);
    const wanted = options.shoppers ?? SHOPPERS;
    while (shoppers.length < wanted) shoppers.push(await until('a shopper', shopper, SET_UP_MS));
    while (products.length < OPENING_STOCK.length)
      products.push(await until('a product', newProduct, SET_UP_MS));
    const clients = new Load(fixture, shoppers, products, requestLog, tracker);
    load = clients;
    for (const [at, pieces] of OPENING_STOCK.entries()) {
      await clients.adjust(`chaos-${seed}-opening-${at}`, products[at] ?? '', pieces);
    }

    faults = new FaultInjection(system, place.wires, place.disk);
    const plan = options.plan(faults.targets);
    log(`seed ${seed}, ${plan.length} faults:\n${scheduleText(plan)}`);
    faults.watch();
    const started = Date.now();
    const elapsed = () => `${((Date.now() - started) / 1_000).toFixed(0)} s`.padStart(6);
    status = setInterval(() => {
      const { size } = tracker.all;
      const waiting = tracker.undecided.length;
      const sent = requestLog.requests.length;
      const memory = `${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`;
      log(
        `${elapsed()}: ${sent} requests, ${size} orders, ${waiting} undecided, ${clients.inFlight} in flight, ${memory}`,
      );
    }, STATUS_MS);

    const tracking = tracker.run();
    const watch = new OutageWatch(fixture.admin, SERVICES);
    const watching = options.outages === true ? watch.run() : Promise.resolve();
    const planned = workload(seed, options.ordersPerSecond);
    // an outage needs no operator
    const loading = clients.run(
      options.outages === true ? planned.filter(({ what }) => what !== 'replay') : planned,
    );
    const injecting = faults.run(plan, (line) => {
      log(`${elapsed()}: ${line}`);
    });
    await sleep(seconds * 1_000, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    faults.heal();
    await injecting;
    await clients.stop();
    await loading;
    const loaded = (Date.now() - started) / 1_000;

    log(`${elapsed()}: all faults have ended, waiting until the system is at rest`);
    // a sidecar exits while its broker is not ready, and is restarted
    const ready = () => Promise.all(system.apps.map((app) => app.ready()));
    await until('all apps, after the last fault', ready, SET_UP_MS);
    const unanswered = await clients.settle();
    await rest({ bus, tracker, admin: fixture.admin, withinMs: restMs });
    watch.stop();
    await watching;
    const stranded = tracker.undecided.map(({ orderId }) => orderId);
    const deadLettered = await clients.replayAll();
    await rest({ bus, tracker, admin: fixture.admin, withinMs: restMs / 2 });
    tracker.stop();
    await tracking;
    clearInterval(status);

    log(`${elapsed()}: reading orders, stock, payments, notifications and the broker's log`);
    const { requests } = requestLog;
    const captures = await providerCaptures(system.standIn('payment-provider'));
    const emails = emailsIn(system.folder);
    const sources = { fixture, bus, shoppers, products, requests, captures, stranded, emails };
    const books = await readBooks(sources);
    const violations = check(books).map((violation) => ({
      ...violation,
      trail: trailOf(requests, books.events, violation.about),
    }));
    const { injected, crashes } = faults;
    const history = options.outages === true ? historyOf(system) : undefined;
    const report = reportOf({
      bus: system.broker.name,
      seed,
      seconds: loaded,
      notRun,
      deadLettered,
      unanswered,
      heldBack: clients.heldBack,
      books,
      requests,
      faults: injected,
      crashes,
      recoveries: recoveries(injected, tracker.all.values(), Date.now()),
      violations,
      outages: history === undefined ? [] : watch.outagesOf(injected, history.resumed),
      overtakings: history?.overtakings ?? [],
    });
    const details = { ...report, injected, crashes };
    writeFileSync(join(folder, 'report.json'), JSON.stringify(details, null, 2));
    const text = reportText(report, injected);
    writeFileSync(join(folder, 'report.txt'), text);
    log(text);
    failed = violations.length > 0 || report.overtakings.length > 0;
    return report;
  } finally {
    clearInterval(status);
    tracker.stop();
    await faults?.stop();
    await load?.stop();
    await requestLog.close();
    if (failed && keep && fixture !== undefined) {
      for (const part of ['logs', 'data']) {
        cpSync(join(fixture.system.folder, part), join(folder, part), { recursive: true });
      }
      log(`logs and documents are kept in ${folder}`);
    }
    await fixture?.close();
    await place.close();
  }
}

/** What happened to the parked events of all services, according to their logs. */
function historyOf(system: RunningSystem): ParkedHistory {
  const histories = DEFINED.flatMap(({ name, definition }) => {
    const { service } = system.app(name);
    if (service === undefined) return [];
    const { publishes = [] } = definition;
    const commands = new Set(
      publishes.flatMap(({ kind, type }) => (kind === 'command' ? type : [])),
    );
    return parkedHistory(name, readFileSync(service.log, 'utf8'), (type) => commands.has(type));
  });
  return {
    overtakings: histories.flatMap(({ overtakings }) => overtakings),
    resumed: histories.flatMap(({ resumed }) => resumed),
  };
}

/** Why the documents cannot be on a small disk; undefined where they can. */
function whyNoDisk(state: SystemOptions['state']): string | undefined {
  // a database server needs more of its disk than the documents in it
  if (state !== undefined && state !== 'sqlite') return `the documents are in ${state}`;
  return SmallDisk.whyImpossible();
}

/** The proxies and the disk between the system and the machine. */
class Place {
  readonly wires = new Map<string, Proxy>();
  disk: SmallDisk | undefined;

  /** `minutes` of load decide the size of the disk; undefined: no disk. */
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
