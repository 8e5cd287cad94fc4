import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { disturbancesOf } from './cluster/disturbances';
import { type Ledger, ledgerOf } from './cluster/ledger';
import { type PreparedRelease, releaseUnderLoad } from './cluster/under-load';
import { figure } from './cluster/report';

const LONG = 900_000;
const RATE = Number(process.env['ORDERS_PER_SECOND'] ?? 2);
const PAUSE_SECONDS = 8;

let release: PreparedRelease | undefined;

beforeAll(async () => {
  release = await releaseUnderLoad();
}, LONG);
afterAll(() => {
  release?.close();
});

function report(name: string, ledger: Ledger): void {
  const { lost, doubled, stuck, accepted, confirmed, requests, unanswered } = ledger;
  figure(
    name,
    `${requests} requests, ${accepted} orders accepted, ${confirmed} confirmed; ` +
      `lost ${lost}, doubled ${doubled}, stuck ${stuck}; ${unanswered.length} without an answer below 500`,
  );
  for (const { kind, path, status, failure = '', sentAt, endedAt } of unanswered.slice(0, 10)) {
    figure(`  ${kind} ${path}`, `${status ?? failure} after ${endedAt - sentAt} ms`);
  }
}

const KNOWN = disturbancesOf([]).map(({ name }, index) => [name, index] as const);

test.each(KNOWN)(
  '%s under load loses, doubles and strands nothing, and no client sees an error',
  async (name, index) => {
    const disturbance = disturbancesOf(release!.values)[index]!;
    const ledger = await ledgerOf(release!, {
      ...{ seed: index + 1, ordersPerSecond: RATE, pause: PAUSE_SECONDS },
      disturbances: [disturbance],
      log: (line) => {
        process.stdout.write(`    ${line}\n`);
      },
    });
    report(name, ledger);
    const { lost, doubled, stuck, confirmed, violations, unanswered } = ledger;
    const found = violations.map(
      ({ invariant, about, message }) => `${invariant}: ${about} ${message}`,
    );
    expect(found).toEqual([]);
    expect({ lost, doubled, stuck }).toEqual({ lost: 0, doubled: 0, stuck: 0 });
    expect(confirmed).toBeGreaterThan(10);
    // with two replicas, planned work and the loss of one of the two are no client's concern
    expect(unanswered.map(({ status, failure }) => status ?? failure)).toEqual([]);
  },
  LONG,
);
