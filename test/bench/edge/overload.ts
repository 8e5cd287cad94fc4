import { z } from 'zod';
import { request } from 'undici';
import { inProject } from '../../../scripts/start/project.mjs';
import { readRunFile } from '../../harness/run-file';
import { startSystem } from '../../harness/system';
import { until } from '../../harness/until';
import type { World } from '../../harness/world';
import { figure, table } from '../markdown';
import { type Effort, part } from '../part';
import { Shop } from '../shop';
import { abba, percentile, poisson, seeded } from '../statistics';
import type { Asked } from './load';
import { LoadProcess } from './load-process';

/** More than a gateway can do, with its limits and with none. */
const ARMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'as it is': {},
  'without shedding': { SHED_IN_FLIGHT: '1000000', SHED_LAG_MS: '1000000' },
};
const PLANS: Readonly<Record<Effort, { requests: number; seconds: number; rounds: number }>> = {
  full: { requests: 6_000, seconds: 6, rounds: 2 },
  quick: { requests: 1_000, seconds: 2, rounds: 1 },
};
/** What arrives, as multiples of the knee. */
const TIMES = [1, 2, 4];
const IN_FLIGHT = 32;
const PATIENCE_MS = 5_000;
const SEED = 6;

const Run = z.object({
  arm: z.string(),
  times: z.number(),
  seconds: z.number(),
  answered: z.array(z.number()),
  refused: z.array(z.number()),
  gaveUp: z.int(),
});
type Run = z.infer<typeof Run>;
const OverloadResult = z.object({
  /** Requests a second. */
  knee: z.number(),
  limits: z.object({ inFlight: z.int(), eventLoopLag: z.number() }),
  runs: z.array(Run),
});
type OverloadResult = z.infer<typeof OverloadResult>;

const Status = z.object({
  data: z.object({ inFlight: z.int(), limits: OverloadResult.shape.limits }),
});

export const overload = part({
  title: 'More than the edge can do',
  result: OverloadResult,
  run: async (effort, say) => {
    const { requests, seconds, rounds } = PLANS[effort];
    const random = seeded(SEED);
    const load = new LoadProcess();
    say('overload: starting');
    const world = await startArms();
    try {
      const shop = await Shop.open(world.app('gateway').url);
      const each = shop.products.map((productId): Asked => {
        return { method: 'GET', path: `/api/v1/products/${productId}`, headers: {}, status: 200 };
      });
      await shop.close();
      const closed = async (arm: string) => {
        const url = urlOf(world, arm);
        return requests / (await load.send({ url, requests, inFlight: IN_FLIGHT, each })).seconds;
      };
      const [first = ''] = Object.keys(ARMS);
      for (const arm of Object.keys(ARMS)) await closed(arm);
      const knee = await closed(first);
      say(`overload: the knee is ${figure(knee)} requests/s`);

      const runs: Run[] = [];
      const cases = TIMES.flatMap((times) => Object.keys(ARMS).map((arm) => ({ times, arm })));
      for (let round = 0; round < rounds; round++) {
        for (const { times, arm } of abba(cases, round)) {
          const rate = times * knee;
          const arrived = await load.arrive({
            ...{ url: urlOf(world, arm), each, patienceMs: PATIENCE_MS },
            times: poisson(rate, Math.round(rate * seconds), random),
          });
          runs.push({ arm, times, seconds, ...arrived });
          say(`overload: ${figure(rate)} requests/s, ${arm}: ${arrived.answered.length} answered`);
          await until('the gateway to be idle', async () => {
            return (await statusOf(urlOf(world, arm))).inFlight <= 1;
          });
        }
      }
      return { knee, limits: (await statusOf(urlOf(world, first))).limits, runs };
    } finally {
      load.stop();
      await world.stop();
    }
  },
  report: ({ knee, limits, runs }) => [
    `Requests for products that come when they come (Poisson, seed ${SEED}), each on a connection of its own or`,
    `on one that is free, at multiples of what ${IN_FLIGHT} in flight get through (${figure(knee)} requests/s); by a program`,
    `that shares the two cores with all that it asks. A client gives up after ${PATIENCE_MS / 1000} s. Latency is from the`,
    `moment at which a request should have been sent. The gateway refuses with 503 what comes while`,
    `${limits.inFlight} requests wait for their answers, or its event loop is ${limits.eventLoopLag} ms late.`,
    '',
    ...table(
      [
        ...['load', 'shedding', 'requests/s', 'answered/s', 'p50 ms', 'p99 ms'],
        ...['503', 'p99 ms of it', 'gave up'],
      ],
      TIMES.flatMap((times) => Object.keys(ARMS).map((arm) => row(select(runs, arm, times)))),
    ),
  ],
  aims: ({ knee, runs }) => {
    const [first = ''] = Object.keys(ARMS);
    const { answered, seconds } = select(runs, first, Math.max(...TIMES));
    const share = answered.length / seconds / knee;
    const p99 = answered.length === 0 ? Infinity : percentile(answered, 0.99);
    return [
      {
        aim: `at ${Math.max(...TIMES)} times the knee, half of the knee answered, and 99 % of that within 1 s`,
        measured: `${figure(100 * share)} %, ${figure(p99)} ms`,
        met: share >= 0.5 && p99 <= 1_000,
      },
    ];
  },
});

/** The rounds of one case as one. */
function select(runs: readonly Run[], arm: string, times: number): Run {
  const of = runs.filter((run) => run.arm === arm && run.times === times);
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
  return {
    ...{ arm, times, seconds: sum(of.map(({ seconds }) => seconds)) },
    answered: of.flatMap(({ answered }) => answered),
    refused: of.flatMap(({ refused }) => refused),
    gaveUp: sum(of.map(({ gaveUp }) => gaveUp)),
  };
}

function row({ arm, times, seconds, answered, refused, gaveUp }: Run): string[] {
  const all = answered.length + refused.length + gaveUp;
  const at = (of: readonly number[], share: number) =>
    of.length === 0 ? '' : figure(percentile(of, share));
  const part = (count: number) => `${figure((100 * count) / all)} %`;
  return [
    ...[`${times} x the knee`, arm, figure(all / seconds), figure(answered.length / seconds)],
    ...[at(answered, 0.5), at(answered, 0.99), part(refused.length), at(refused, 0.99)],
    part(gaveUp),
  ];
}

/** The way of a product, and a gateway for each arm. */
function startArms(): Promise<World> {
  const gateway = readRunFile().apps.find(({ appID }) => appID === 'gateway');
  if (gateway === undefined) throw new Error('dapr.yaml has no gateway');
  const { appID: appId, command, env } = gateway;
  const [, ...others] = Object.entries(ARMS);
  return startSystem({
    env: { LIMITS_FILE: inProject('test', 'bench', 'edge', 'limits.json') },
    more: others.map(([arm, limits]) => ({
      ...{ appId, name: nameOf(arm), command, env: { ...env, ...limits } },
      ...({ protocol: 'http', onePort: true, cwd: inProject() } as const),
    })),
  });
}

const nameOf = (arm: string) => `gateway-${arm.replaceAll(' ', '-')}`;

function urlOf(world: World, arm: string): string {
  const [first] = Object.keys(ARMS);
  return world.app(arm === first ? 'gateway' : nameOf(arm)).url;
}

async function statusOf(url: string) {
  const { body } = await request(`${url}/api/v1/gateway/status`);
  return Status.parse(await body.json()).data;
}
