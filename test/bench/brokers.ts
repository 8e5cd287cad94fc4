import type { z } from 'zod';
import { BUSES } from '../harness/transports';
import { startSystem } from '../harness/system';
import { closedLoop, warmUp } from './closed-loop';
import type { Cpu } from './cpu';
import { figure, table } from './markdown';
import { OrdersResult, cpuPerOrder, plain } from './orders';
import { Ours } from './ours';
import { type Effort, part } from './part';
import { type Spread, abba, percentile, ratios, spread } from './statistics';

const IN_FLIGHT = 8;
const PLANS: Readonly<Record<Effort, { rounds: number; orders: number; first: number }>> = {
  full: { rounds: 8, orders: 80, first: 200 },
  quick: { rounds: 2, orders: 16, first: 16 },
};
/** Orders in each round before the counted ones. */
const WARM_UP = 16;

export const brokers = part({
  title: 'Orders on each broker',
  result: OrdersResult,
  run: async (effort, log) => {
    const { rounds, orders, first } = PLANS[effort];
    const variants = BUSES.map((bus) => new Ours(bus, () => startSystem({ bus })));
    const runs: z.infer<typeof OrdersResult>['runs'] = [];
    try {
      for (const variant of variants) {
        log(`brokers: starting ${variant.name}`);
        await variant.start();
        await warmUp(variant, first);
      }
      for (let round = 0; round < rounds; round++) {
        // No variant is paused meanwhile: the brokers would close its connections, and it would reconnect
        // while it is measured.
        for (const variant of abba(variants, round)) {
          await warmUp(variant, WARM_UP);
          const sample = await closedLoop(variant, orders, IN_FLIGHT);
          runs.push({ round, arm: variant.name, inFlight: IN_FLIGHT, ...plain(sample) });
        }
        log(`brokers: round ${round + 1} of ${rounds}`);
      }
    } finally {
      for (const variant of variants) await variant.stop();
    }
    return { arms: variants.map(({ name }) => name), runs };
  },
  report,
  aims: () => [],
});

/** The groups of processes. */
const KINDS: Readonly<Record<string, (name: string, services: readonly string[]) => boolean>> = {
  services: (name, services) => services.includes(name) && name !== 'gateway',
  gateway: (name) => name === 'gateway',
  sidecars: (name) => name.endsWith('-sidecar'),
  broker: (name, services) => !name.endsWith('-sidecar') && !services.includes(name),
};

/** The processes of a kind; an app with a sidecar is a service. */
function processesOf(cpu: Cpu, kind: string): string[] {
  const names = Object.keys(cpu);
  const services = names.filter((name) => names.includes(`${name}-sidecar`));
  return names.filter((name) => KINDS[kind]?.(name, services));
}

function report(result: OrdersResult): string[] {
  const { arms, runs } = result;
  const of = (variant: string) => runs.filter((run) => run.arm === variant);
  const [first = ''] = arms;
  const orders = runs[0]?.orders ?? 0;
  const speeds = (variant: string) => of(variant).map((run) => run.orders / run.seconds);
  const cpuOf = (variant: string, kind: string) =>
    cpuPerOrder(result, variant, { processes: processesOf(of(variant)[0]?.cpu ?? {}, kind) });
  return [
    `${of(first).length} rounds of ${orders} orders, ${IN_FLIGHT} in flight. Each round measures one broker after the other, in alternating`,
    'order, while the systems on the other brokers are running and idle. Latencies are those of all orders of',
    'all rounds; the other values are medians of the rounds, with quartiles. CPU is counted until every event',
    'of the orders has been handled and acknowledged.',
    '',
    ...table(
      ['broker', 'orders/s', 'p50 ms', 'p95 ms', 'CPU ms per order', `CPU relative to ${first}`],
      arms.map((variant) => {
        const latencies = of(variant).flatMap((run) => run.latencies);
        const cpu = cpuPerOrder(result, variant);
        return [
          ...[variant, inDigits(spread(speeds(variant)))],
          ...[0.5, 0.95].map((share) => figure(percentile(latencies, share))),
          inDigits(spread(cpu)),
          variant === first ? '' : inDigits(ratios(cpu, cpuPerOrder(result, first))),
        ];
      }),
    ),
    '',
    'CPU in ms per order, by group of processes. The group "broker" includes mosquitto, which orders do not use.',
    '',
    ...table(
      ['system on', ...Object.keys(KINDS)],
      arms.map((variant) => [
        variant,
        ...Object.keys(KINDS).map((kind) => inDigits(spread(cpuOf(variant, kind)))),
      ]),
    ),
  ];
}

/** `18.3 (17.9 to 19.0)` */
const inDigits = ({ median, low, high }: Spread) =>
  `${figure(median)} (${figure(low)} to ${figure(high)})`;
