import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { inProject } from '../../scripts/start/project.mjs';
import type { Report } from '../chaos/report';
import { type ChaosOptions, runChaos } from '../chaos/run';
import { type Fault, type Targets, compactSchedule } from '../chaos/schedule';

const TEST_MS = 300_000;
const MOST_RUNS = 3;

/** A short run; its folder stays only where something failed that should not. */
async function run(
  options: Pick<ChaosOptions, 'seed' | 'seconds' | 'plan'> & Partial<ChaosOptions>,
  assert: (report: Report) => void,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'chaos-test-'));
  const report = await runChaos({ ordersPerSecond: 6, folder, tell: () => {}, ...options });
  assert(report);
  rmSync(folder, { recursive: true });
}

// two at once: a run mostly waits for what it has hit
test.concurrent(
  'a system that is hit by every kind of fault loses, doubles and strands nothing',
  () => {
    const hit = (targets: Targets) => compactSchedule(20, targets);
    return run({ seed: 20, seconds: 46, plan: hit }, (report) => {
      const broken = report.violations.map(({ invariant, about, message }) => {
        return `${invariant}: ${about} ${message}`;
      });
      expect(broken).toEqual([]);
      expect(report).toMatchObject({ lost: 0, doubled: 0, stuck: 0 });
      expect(report.confirmed).toBeGreaterThan(10);
      const kinds = new Set(Object.keys(report.faults).map((name) => name.split(' ')[0]));
      // where no disk can be mounted, the run says so
      expect(kinds.size).toBe(10 - report.notRun.length);
    });
  },
  TEST_MS,
);

/** What is planted in whom, what brings it to light, and which invariant tells so. */
const PLANTS: [plant: string, app: string, faults: Fault[], invariant: string][] = [
  ['release-skipped', 'order', [], 'nothingIsHeldForEver'],
  [
    'no-marks',
    'inventory',
    [
      // Late publishes pile up and are cut off, and whoever has written its document dies with its
      // event unsaid. Nothing less tells: a stock knows by itself which orders it has seen.
      { kind: 'delay', target: 'redis-wire', from: 2, to: 4.9 },
      { kind: 'refuse', target: 'redis-wire', from: 5, to: 7 },
      { kind: 'kill', target: 'inventory', from: 5.6, to: 5.8 },
    ],
    'readModelsFollow',
  ],
  [
    'new-key-per-try',
    'payment',
    [{ kind: 'drop', target: 'payment-provider-wire', from: 2, to: 4 }],
    'moneyAddsUp',
  ],
  [
    'acknowledge-first',
    'order',
    [
      { kind: 'kill', target: 'order', from: 3, to: 3.2 },
      { kind: 'kill', target: 'order', from: 6, to: 6.2 },
    ],
    'everyChangeIsSaid',
  ],
];

test.concurrent.each(PLANTS)(
  'a planted bug is found: %s in %s',
  async (plant, app, faults, invariant) => {
    const preload = { [app]: inProject('test', 'chaos', 'plants', `${plant}.cjs`) };
    // what a killed process left is given again soon: nobody waits for it here
    const overrides = { bus: { processingTimeout: '5s', redeliverInterval: '1000' } };
    const system = { preload, overrides };
    const calm = { ordersPerSecond: 10, shoppers: 2, restMs: 12_000, keep: false };
    let found: string[] = [];
    // what a fault hits is a matter of moments: a bug comes to light in one of a few runs
    for (let runs = 0; runs < MOST_RUNS && !found.includes(invariant); runs++) {
      const options = { seed: 7 + runs, seconds: 9, plan: () => faults, system, ...calm };
      await run(options, ({ violations }) => {
        found = violations.map((violation) => violation.invariant);
      });
    }
    expect(found).toContain(invariant);
  },
  TEST_MS,
);
