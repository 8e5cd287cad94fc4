import { z } from 'zod';
import type { Variant } from './variant';
import { Bare } from './bare/bare';
import { type Sample, closedLoop, warmUp } from './closed-loop';
import { type Cpu, sum } from './cpu';
import { Direct } from './direct/variant';
import { REPEATED, type Variants, figure, spreadText, table } from './markdown';
import { Ours } from './ours';
import { type Effort, part } from './part';
import { type Spread, abba, median, percentile, ratios } from './statistics';
import { Workflow } from './workflow/workflow';

/** The number of orders in flight, and the number in each round. */
interface Level {
  readonly inFlight: number;
  readonly orders: number;
}

const PLANS: Readonly<Record<Effort, { rounds: number; levels: readonly Level[] }>> = {
  full: {
    rounds: 10,
    levels: [
      { inFlight: 1, orders: 24 },
      { inFlight: 8, orders: 40 },
      { inFlight: 16, orders: 40 },
    ],
  },
  quick: {
    rounds: 2,
    levels: [
      { inFlight: 1, orders: 5 },
      { inFlight: 8, orders: 16 },
      { inFlight: 16, orders: 16 },
    ],
  },
};
const WARM_UP = 16;
/**
 * After a start, until the code of the services is compiled: each of the first 200 orders costs half as
 * much again as one after the first 800, in ours as in bare.
 */
const FIRST_WARM_UP: Readonly<Record<Effort, number>> = { full: 800, quick: 16 };

/** The processes that coordinate the steps of an order; the others do the same work in ours and in a workflow. */
const COORDINATION: readonly string[] = ['order', 'order-sidecar', 'placement', 'scheduler'];

const Run = z.object({
  round: z.int(),
  arm: z.string(),
  inFlight: z.int(),
  orders: z.int(),
  seconds: z.number(),
  latencies: z.array(z.number()),
  cpu: z.record(z.string(), z.number()),
});
export const OrdersResult = z.object({
  /** In the order of the tables. The first is compared with each of the others. */
  arms: z.array(z.string()),
  runs: z.array(Run),
});
export type OrdersResult = z.infer<typeof OrdersResult>;

const VARIANTS: Variants = {
  ours: { label: 'omnichannel', meaning: 'the system as `npm start` runs it.' },
  'ours again': { label: 'omnichannel (repeated)', meaning: REPEATED },
  direct: {
    label: 'in one process',
    meaning: 'the same services in one process, without sidecars, broker and database.',
  },
  bare: {
    label: 'bare sidecars',
    meaning: 'services that only make as many calls, reads, writes and publishes through sidecars.',
  },
  workflow: { label: 'Dapr Workflow', meaning: 'the same steps as a Dapr Workflow.' },
};
const labelOf = (variant: string) => VARIANTS[variant]?.label ?? variant;

export const orders = part({
  title: 'Orders, compared with other architectures',
  result: OrdersResult,
  run: async (effort, log) => {
    const variants = [
      new Ours('ours'),
      new Ours('ours again'),
      new Direct(),
      new Bare(),
      new Workflow(),
    ];
    const { rounds, levels } = PLANS[effort];
    const runs: z.infer<typeof Run>[] = [];
    try {
      for (let round = 0; round < rounds; round++) {
        // twice, so that no result depends on one start, and in reverse, as on some machines the processes
        // that were started first cost more for good
        if (round === 0) await startAll(variants, FIRST_WARM_UP[effort], log);
        else if (round === Math.floor(rounds / 2))
          await startAll(variants.toReversed(), FIRST_WARM_UP[effort], log);
        for (const variant of abba(variants, round)) {
          await variant.resume();
          await warmUp(variant, WARM_UP);
          for (const { inFlight, orders } of levels) {
            const sample = await closedLoop(variant, orders, inFlight);
            runs.push({ round, arm: variant.name, inFlight, ...plain(sample) });
          }
          variant.pause();
        }
        log(`orders: round ${round + 1} of ${rounds}`);
      }
    } finally {
      await stopAll(variants);
    }
    return { arms: variants.map(({ name }) => name), runs };
  },
  report,
  aims: (result) => [
    ...aim(result, 'bare', 1.15, 'CPU of an order at most 1.15 times that of bare sidecars'),
    ...aim(result, 'workflow', 0.25, 'CPU of an order at most 0.25 times that of a Dapr Workflow'),
    ...aim(result, 'workflow', 0.25, `the same for ${COORDINATION.join(', ')} only`, COORDINATION),
  ],
});

/** The stored part of a sample. */
export const plain = ({ latencies, cpu, ...rest }: Sample) => ({
  ...{ ...rest, latencies: [...latencies], cpu: { ...cpu } },
});

const started = new Set<Variant>();

async function startAll(
  variants: readonly Variant[],
  warmUpBy: number,
  log: (line: string) => void,
) {
  await stopAll(variants);
  for (const variant of variants) {
    log(`orders: starting ${variant.name}`);
    await variant.start();
    started.add(variant);
    await warmUp(variant, warmUpBy);
    variant.pause();
  }
}

async function stopAll(variants: readonly Variant[]): Promise<void> {
  for (const variant of variants) {
    // a stopped process would not handle the signal
    if (started.delete(variant)) await variant.resume();
    await variant.stop();
  }
}

interface Which {
  /** One level; all levels if absent. */
  readonly inFlight?: number | undefined;
  /** Some processes; all of them if absent. */
  readonly processes?: readonly string[] | undefined;
}

/** CPU in ms per order of each round. */
export function cpuPerOrder(
  { runs }: OrdersResult,
  variant: string,
  { inFlight, processes }: Which = {},
): number[] {
  const rounds = Map.groupBy(
    runs.filter((run) => run.arm === variant && run.inFlight === (inFlight ?? run.inFlight)),
    ({ round }) => round,
  );
  return [...rounds]
    .sort(([left], [right]) => left - right)
    .map(([, of]) => {
      const placed = of.reduce((all, run) => all + run.orders, 0);
      return of.reduce((all, run) => all + sum(only(run.cpu, processes)), 0) / placed;
    });
}

function only(cpu: Cpu, processes: readonly string[] = Object.keys(cpu)): Cpu {
  return Object.fromEntries(processes.map((name) => [name, cpu[name] ?? 0]));
}

function compared(result: OrdersResult, other: string, which?: Which): Spread {
  const [ours = ''] = result.arms;
  return ratios(cpuPerOrder(result, ours, which), cpuPerOrder(result, other, which));
}

function aim(
  result: OrdersResult,
  other: string,
  atMost: number,
  text: string,
  processes?: readonly string[],
) {
  if (!result.arms.includes(other)) return [];
  const ratio = compared(result, other, { processes });
  return [{ aim: text, measured: spreadText(ratio), met: ratio.median <= atMost }];
}

function report(result: OrdersResult): string[] {
  const { arms, runs } = result;
  const [ours = '', ...others] = arms;
  const levels = [...new Set(runs.map(({ inFlight }) => inFlight))];
  const rounds = cpuPerOrder(result, ours).length;
  const of = (variant: string, inFlight: number) =>
    runs.filter((run) => run.arm === variant && run.inFlight === inFlight);
  return [
    ...arms.map((variant) => `- ${labelOf(variant)}: ${VARIANTS[variant]?.meaning ?? ''}`),
    '',
    'A fixed number of orders is in flight: each completed order is followed immediately by the next. The',
    `variants are measured in ${rounds} rounds, in alternating order, while the others are paused. Latencies are those of`,
    'all orders of all rounds; the other values are medians of the rounds. CPU is counted until every event of',
    'the orders has been handled.',
    '',
    ...table(
      [
        ...['variant', 'in flight', 'orders/s', 'p50 ms', 'p95 ms', 'p99 ms', 'orders'],
        'CPU ms per order',
      ],
      arms.flatMap((variant) =>
        levels.map((inFlight) => {
          const latencies = of(variant, inFlight).flatMap((run) => run.latencies);
          const speeds = of(variant, inFlight).map((run) => run.orders / run.seconds);
          return [
            ...[labelOf(variant), String(inFlight), figure(median(speeds))],
            ...[0.5, 0.95, 0.99].map((share) => figure(percentile(latencies, share))),
            ...[
              String(latencies.length),
              figure(median(cpuPerOrder(result, variant, { inFlight }))),
            ],
          ];
        }),
      ),
    ),
    '',
    `CPU of ${labelOf(ours)} relative to each variant: the median of the ratios of the rounds, with quartiles.`,
    '',
    ...table(
      ['relative to', ...levels.map((inFlight) => `${inFlight} in flight`), 'all'],
      others.map((other) => [
        labelOf(other),
        ...levels.map((inFlight) => spreadText(compared(result, other, { inFlight }))),
        spreadText(compared(result, other)),
      ]),
    ),
    '',
    ...coordination(result),
    `CPU of ${labelOf(ours)} in ms per order, by process:`,
    '',
    ...byProcess(levels, (inFlight) => of(ours, inFlight)),
  ];
}

/** The saving of the event-driven saga: only the coordination differs, as both call the same services. */
function coordination(result: OrdersResult): string[] {
  const { arms } = result;
  if (!arms.includes('workflow')) return [];
  const part = (variant: string) =>
    median(cpuPerOrder(result, variant, { processes: COORDINATION }));
  const [of, all] = [part('workflow'), median(cpuPerOrder(result, 'workflow'))];
  const rest = (100 * (all - of)) / all;
  return [
    `Of the ${figure(all)} ms of an order in ${labelOf('workflow')}, ${rest.toFixed(0)} % are spent in the called services. These are the`,
    'same in both variants, so no kind of coordination can save them. The coordinating processes',
    `(${COORDINATION.join(', ')}) take ${figure(part(arms[0] ?? ''))} ms in ${labelOf(arms[0] ?? '')} and`,
    `${figure(of)} ms in ${labelOf('workflow')}.`,
    '',
  ];
}

function byProcess(levels: number[], runsAt: (inFlight: number) => z.infer<typeof Run>[]) {
  const used = levels.map((inFlight) => {
    const runs = runsAt(inFlight);
    const placed = runs.reduce((all, run) => all + run.orders, 0);
    const names = Object.keys(runs[0]?.cpu ?? {});
    return new Map(
      names.map((name) => [
        name,
        runs.reduce((all, run) => all + (run.cpu[name] ?? 0), 0) / placed,
      ]),
    );
  });
  const total = (name: string) => used.reduce((all, level) => all + (level.get(name) ?? 0), 0);
  const names = [...(used[0]?.keys() ?? [])].sort((left, right) => total(right) - total(left));
  return table(
    ['process', ...levels.map((inFlight) => `${inFlight} in flight`)],
    names.map((name) => [name, ...used.map((level) => figure(level.get(name) ?? 0))]),
  );
}
