import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OrderTracker } from '../../chaos/order-tracker';
import { Load } from '../../chaos/load';
import { readBooks } from '../../chaos/read-books';
import { recoveries } from '../../chaos/recovery';
import { type Report, reportOf } from '../../chaos/report';
import { type LoggedRequest, RequestLog } from '../../chaos/request-log';
import { rest } from '../../chaos/rest';
import { trailOf } from '../../chaos/trail';
import { OPENING_STOCK, SHOPPERS, workload } from '../../chaos/workload';
import type { InjectedFault } from '../../chaos/fault-injection';
import type { EdgeFixture, Shopper } from '../../e2e/fixtures';
import { until } from '../../harness/until';
import { check } from '../../invariants/check';
import type { CaptureBook } from '../../invariants/captures';
import type { BrokerLog } from '../../harness/bus/broker-log';

/** A release under load, and where its books are. */
export interface UnderLoad {
  readonly fixture: EdgeFixture;
  readonly bus: BrokerLog;
  readonly broker: string;
  readonly captures: () => Promise<readonly CaptureBook[]>;
  readonly emails: () => readonly string[];
  /** Waits until every pod is ready. */
  readonly ready: () => Promise<unknown>;
}

/** Something that happens to the release under load. Returns when it is over. */
export interface Disturbance {
  readonly name: string;
  readonly run: () => Promise<unknown>;
}

export interface Options {
  readonly seed: number;
  readonly ordersPerSecond: number;
  /** Seconds of load before each disturbance and after the last one. */
  readonly pause: number;
  readonly disturbances: Iterable<Disturbance>;
  readonly log: (line: string) => void;
}

export interface Ledger extends Report {
  readonly requests: number;
  /** The requests that had no answer, or one of 500 or more: what a client would have seen without retrying. */
  readonly unanswered: readonly LoggedRequest[];
  readonly injected: readonly InjectedFault[];
}

const SET_UP_MS = 60_000;
const REST_MS = 120_000;

/** Disturbs a release under load, and reads its books once it is at rest: what is lost, doubled or stuck. */
export async function ledgerOf(release: UnderLoad, options: Options): Promise<Ledger> {
  const { fixture, bus, broker } = release;
  const { seed, ordersPerSecond, pause, disturbances, log } = options;
  const folder = mkdtempSync(join(tmpdir(), 'kubernetes-load-'));
  const requestLog = new RequestLog(join(folder, 'ledger.jsonl'));
  const tracker = new OrderTracker();
  const injected: InjectedFault[] = [];
  try {
    await bus.keep();
    const shoppers: Shopper[] = [];
    const products: string[] = [];
    while (shoppers.length < SHOPPERS) {
      shoppers.push(await until('a shopper', () => fixture.shopper(), SET_UP_MS));
    }
    while (products.length < OPENING_STOCK.length) {
      products.push(await until('a product', () => fixture.product(0), SET_UP_MS));
    }
    const clients = new Load(fixture, shoppers, products, requestLog, tracker);
    for (const [at, pieces] of OPENING_STOCK.entries()) {
      await clients.adjust(`load-${seed}-opening-${at}`, products[at] ?? '', pieces);
    }
    const started = Date.now();
    const elapsed = () => `${((Date.now() - started) / 1_000).toFixed(0)} s`.padStart(6);
    const tracking = tracker.run();
    const loading = clients.run(workload(seed, ordersPerSecond));
    for (const { name, run } of disturbances) {
      await sleep(pause * 1_000);
      log(`${elapsed()}: ${name}`);
      const begunAt = Date.now();
      await run();
      const endedAt = Date.now();
      const [from, to] = [(begunAt - started) / 1_000, (endedAt - started) / 1_000];
      injected.push({ kind: name, target: broker, from, to, begunAt, endedAt, note: '' });
    }
    await sleep(pause * 1_000);
    await clients.stop();
    await loading;
    const seconds = (Date.now() - started) / 1_000;
    await release.ready();
    const unanswered = await clients.settle();
    const { admin } = fixture;
    await rest({ bus, tracker, admin, withinMs: REST_MS });
    const stranded = tracker.undecided.map(({ orderId }) => orderId);
    const deadLettered = await clients.replayAll();
    await rest({ bus, tracker, admin, withinMs: REST_MS / 2 });
    tracker.stop();
    await tracking;

    const { requests } = requestLog;
    const captures = await release.captures();
    const emails = release.emails();
    const sources = { fixture, bus, shoppers, products, requests, captures, stranded, emails };
    const books = await readBooks(sources);
    const violations = check(books).map((violation) => ({
      ...violation,
      trail: trailOf(requests, books.events, violation.about),
    }));
    const report = reportOf({
      ...{ bus: broker, seed, seconds, notRun: [], deadLettered, unanswered },
      ...{ heldBack: clients.heldBack, books, requests, faults: injected, crashes: [] },
      recoveries: recoveries(injected, tracker.all.values(), Date.now()),
      ...{ violations, outages: [], overtakings: [] },
    });
    const failed = requests.filter(({ status }) => status === undefined || status >= 500);
    return { ...report, requests: requests.length, unanswered: failed, injected };
  } finally {
    tracker.stop();
    await requestLog.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
