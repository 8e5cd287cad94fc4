import { z } from 'zod';
import { closedLoop, warmUp } from './closed-loop';
import { figure, table } from './markdown';
import { openLoop } from './open-loop';
import { Ours } from './ours';
import { type Effort, part } from './part';
import { SeededRandom } from '../tools/seeded-random';
import { abba, median, percentile, poisson } from './statistics';

const PLANS: Readonly<
  Record<Effort, { alone: number; capacity: number; stepSeconds: number; orders: number }>
> = {
  full: { alone: 100, capacity: 300, stepSeconds: 8, orders: 1_000 },
  quick: { alone: 10, capacity: 32, stepSeconds: 2, orders: 40 },
};
const IN_FLIGHT = 32;
/** The rates of the steps to the saturation rate, as shares of the throughput of a closed loop. */
const STEPS = [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2];
/** Orders in flight at the end of a step are a queue if they are more than arrive in this time. */
const QUEUE_SECONDS = 0.5;
/** Shares of the saturation rate, and of the full number of orders: low rates take long. */
const LOADS = [
  { share: 0.3, part: 0.3 },
  { share: 0.6, part: 1 },
  { share: 0.8, part: 1 },
];
const SEED = 4;
/** The fewest orders of which the 99.9th percentile is meaningful. */
const ENOUGH = 1_000;

const OpenResult = z.object({
  alone: z.array(z.number()),
  capacity: z.number(),
  steps: z.array(z.object({ rate: z.number(), left: z.int(), p99: z.number(), kept: z.boolean() })),
  knee: z.number(),
  loads: z.array(
    z.object({
      share: z.number(),
      rate: z.number(),
      failed: z.int(),
      latencies: z.array(z.number()),
    }),
  ),
});
type OpenResult = z.infer<typeof OpenResult>;

export const open = part({
  title: 'Orders with Poisson arrivals',
  result: OpenResult,
  run: async (effort, log) => {
    const plan = PLANS[effort];
    const random = new SeededRandom(SEED, 'arrivals');
    const variant = new Ours('ours');
    let n = 0;
    const load = async (rate: number, count: number) => {
      const sample = await openLoop(() => variant.placeOrder(n++), poisson(rate, count, random));
      await variant.settled();
      return sample;
    };
    try {
      await variant.start();
      await warmUp(variant, 100);
      const alone = [...(await closedLoop(variant, plan.alone, 1)).latencies];
      const { seconds } = await closedLoop(variant, plan.capacity, IN_FLIGHT);
      const capacity = plan.capacity / seconds;
      log(`open: ${figure(capacity)} orders/s at ${IN_FLIGHT} in flight`);

      const steps: OpenResult['steps'] = [];
      const step = async (rate: number) => {
        const { left, latencies, failed } = await load(rate, Math.ceil(rate * plan.stepSeconds));
        const kept = failed === 0 && left <= rate * QUEUE_SECONDS;
        steps.push({ rate, left, p99: percentile(latencies, 0.99), kept });
        log(`open: ${figure(rate)} orders/s: ${kept ? 'no queue' : 'a queue'}`);
        return kept;
      };
      for (const share of STEPS) {
        // once more, as the machine may have been busy with something else
        if (!(await step(share * capacity)) && !(await step(share * capacity))) break;
      }
      const knee = steps.findLast(({ kept }) => kept)?.rate ?? capacity / 2;

      const loads = LOADS.map(({ share, part }) => ({
        share,
        part,
        rate: share * knee,
        failed: 0,
        latencies: [] as number[],
      }));
      for (const round of [0, 1]) {
        for (const at of abba(loads, round)) {
          const { latencies, failed } = await load(at.rate, (plan.orders * at.part) / 2);
          at.latencies.push(...latencies);
          at.failed += failed;
          log(`open: ${latencies.length} orders at ${figure(at.rate)} per second`);
        }
      }
      return { alone, capacity, steps, knee, loads };
    } finally {
      await variant.stop();
    }
  },
  report: ({ alone, capacity, steps, knee, loads }) => [
    `Poisson arrivals (seed ${SEED}) at fractions of the saturation rate. Latency is measured from the time at which`,
    'an order should have been sent. Percentiles are exact, over all orders.',
    '',
    'The saturation rate is the highest rate without a queue. It is found in steps of a tenth of the throughput',
    `with ${IN_FLIGHT} orders in flight (${figure(capacity)} orders/s). A step has a queue if more orders are in flight at its end`,
    `than arrive in ${QUEUE_SECONDS} s, and again when the step is repeated.`,
    '',
    ...table(
      ['orders/s', 'in flight at the end', 'p99 ms', 'queue'],
      steps.map(({ rate, left, p99, kept }) => [
        ...[figure(rate), String(left), figure(p99), kept ? 'no' : 'yes'],
      ]),
    ),
    '',
    `The saturation rate is ${figure(knee)} orders/s.`,
    '',
    ...table(
      ['load', 'orders/s', 'orders', 'failed', 'p50 ms', 'p95 ms', 'p99 ms', 'p99.9 ms'],
      [
        { load: 'one order at a time', rate: '', failed: 0, latencies: alone },
        ...loads.map((at) => ({
          ...at,
          load: `${Math.round(at.share * 100)} % of saturation`,
          rate: figure(at.rate),
        })),
      ].map(({ load, rate, failed, latencies }) => [
        ...[load, rate, String(latencies.length), String(failed)],
        ...[0.5, 0.95, 0.99].map((share) => figure(percentile(latencies, share))),
        latencies.length < ENOUGH ? 'too few' : figure(percentile(latencies, 0.999)),
      ]),
    ),
  ],
  aims: ({ alone, loads }) => {
    const at = loads.find(({ share }) => share === 0.6);
    const times = percentile(at?.latencies ?? [], 0.99) / median(alone);
    return [
      {
        aim: 'p99 at 60 % of saturation at most 6 times the p50 of one order at a time',
        measured: `${figure(times)} times`,
        met: times <= 6 && at?.failed === 0,
      },
    ];
  },
});
