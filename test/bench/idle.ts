import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { startSystem } from '../harness/system';
import { warmUp } from './closed-loop';
import { cpuBetween, sum } from './cpu';
import { figure, table } from './markdown';
import { Ours } from './ours';
import { part } from './part';

const SECONDS = { full: 30, quick: 3 } as const;
/** The pause after the last order: cleaning up after it is not idle. */
const REST_MS = 5_000;

const IdleResult = z.object({
  seconds: z.number(),
  /** Milliseconds, by process. */
  cpu: z.record(z.string(), z.number()),
});

const percent = (ms: number, seconds: number) => ms / seconds / 10;

export const idle = part({
  title: 'Idle system',
  result: IdleResult,
  run: async (effort, log) => {
    const variant = new Ours('ours', () => startSystem({ apps: 'all' }));
    try {
      await variant.start();
      await warmUp(variant, 20);
      await sleep(REST_MS);
      log(`idle: ${SECONDS[effort]} s`);
      const before = variant.cpu();
      const begun = performance.now();
      await sleep(SECONDS[effort] * 1000);
      const seconds = (performance.now() - begun) / 1000;
      return { seconds, cpu: { ...cpuBetween(before, variant.cpu()) } };
    } finally {
      await variant.stop();
    }
  },
  report: ({ seconds, cpu }) => [
    `CPU over ${Math.round(seconds)} s without orders, as a share of one core.`,
    '',
    ...table(
      ['process', '% of a core'],
      [['all', sum(cpu)] as const, ...Object.entries(cpu).sort(([, a], [, b]) => b - a)].map(
        ([name, ms]) => [name, percent(ms, seconds).toFixed(2)],
      ),
    ),
  ],
  aims: ({ seconds, cpu }) => {
    const share = percent(sum(cpu), seconds);
    return [
      {
        aim: 'CPU of the idle system less than 5 % of one core',
        measured: `${figure(share)} %`,
        met: share < 5,
      },
    ];
  },
});
