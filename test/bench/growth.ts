import { z } from 'zod';
import { warmUp } from './closed-loop';
import { sum } from './cpu';
import { DIMENSIONS, FACTORS, type Factor, backlog } from './growth/dimensions';
import { figure, spreadText, table } from './markdown';
import { Ours } from './ours';
import { type Effort, part } from './part';
import { abba, median, ratios } from './statistics';

const PLANS: Readonly<Record<Effort, { rounds: number; orders: number }>> = {
  full: { rounds: 7, orders: 40 },
  quick: { rounds: 1, orders: 8 },
};
/** A drain takes long at the largest size. */
const DRAIN_ROUNDS = 3;
const TOLERANCE = 0.1;

/** The smallest size is measured twice, for the noise. */
const SIZES: readonly { name: string; factor: Factor }[] = [
  { name: '1x', factor: 1 },
  { name: '1x again', factor: 1 },
  { name: '10x', factor: 10 },
  { name: '100x', factor: 100 },
];

const GrowthResult = z.array(
  z.object({
    name: z.string(),
    one: z.int(),
    /** CPU in ms per order of each round, by size. */
    cpu: z.record(z.string(), z.array(z.number())),
  }),
);
type Grown = z.infer<typeof GrowthResult>[number];

export const growth = part({
  title: 'Growing data',
  result: GrowthResult,
  run: async (effort, log) => {
    const plan = PLANS[effort];
    const result: Grown[] = [];
    const variant = new Ours('ours');
    try {
      await variant.start();
      await warmUp(variant, 100);
      for (const { name, one, prepare } of DIMENSIONS) {
        log(`growth: ${name}`);
        const measure = await prepare(variant);
        const rounds = name === backlog.name ? Math.min(DRAIN_ROUNDS, plan.rounds) : plan.rounds;
        const cpu: Record<string, number[]> = {};
        for (let round = 0; round < rounds; round++) {
          for (const size of abba(SIZES, round)) {
            const cost = await measure(size.factor, plan.orders);
            (cpu[size.name] ??= []).push(sum(cost.cpu) / cost.orders);
          }
        }
        result.push({ name, one, cpu });
      }
      return result;
    } finally {
      await variant.stop();
    }
  },
  report: (result) => [
    'CPU of an order as one kind of data grows: ms at the smallest size, and the ratio of each size to the',
    'smallest. The sizes are measured alternately; ratios are medians of the rounds, with quartiles. The ratio',
    'of the smallest size to itself ("1x again") is the measurement noise. A backlog is measured from the time',
    'when the service that handles its commands resumes until all are handled.',
    '',
    ...table(
      ['data', `${FACTORS.join('x, ')}x`, 'ms at 1x', '1x again', '10x', '100x', 'rounds'],
      result.map((grown) => [
        ...[grown.name, FACTORS.map((factor) => grown.one * factor).join(', ')],
        figure(median(grown.cpu['1x'] ?? [])),
        ...['1x again', '10x', '100x'].map((size) => spreadText(ratio(grown, size))),
        String(grown.cpu['1x']?.length),
      ]),
    ),
  ],
  aims: (result) =>
    result.map((grown) => {
      const [ten, hundred] = [ratio(grown, '10x'), ratio(grown, '100x')];
      return {
        aim: `CPU of an order within 10 % with more ${grown.name}`,
        measured: `${ten.median.toFixed(2)} at 10x, ${hundred.median.toFixed(2)} at 100x`,
        met: Math.max(ten.median, hundred.median) <= 1 + TOLERANCE,
      };
    }),
});

const ratio = ({ cpu }: Grown, size: string) => ratios(cpu[size] ?? [], cpu['1x'] ?? []);
