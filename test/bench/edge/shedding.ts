import { z } from 'zod';
import type { World } from '../../harness/world';
import { figure, table } from '../markdown';
import type { Effort } from '../part';
import { median, percentile } from '../statistics';
import { OPEN } from './edges';
import type { Asked } from './load';
import type { LoadProcess } from './load-process';

/** Whoever waits longer has gone: an answer after that is of no use. */
const PATIENCE_MS = 2_000;
const SHARES = [0.5, 1, 1.5, 2];
/** Enough at once to keep everything busy, and few enough that nothing queues for long. */
const BUSY = 64;

const PLANS: Readonly<Record<Effort, { seconds: number; knee: number }>> = {
  full: { seconds: 8, knee: 4_000 },
  quick: { seconds: 2, knee: 1_000 },
};

/** What became of the requests that came at a rate. */
const Level = z.object({
  sheds: z.boolean(),
  /** As a part of the knee. */
  share: z.number(),
  perSecond: z.number(),
  offered: z.int(),
  /** Refused at once, with 503. */
  shed: z.int(),
  /** Answered while somebody still waited. */
  inTime: z.int(),
  /** Of those that were answered with what they asked for: milliseconds since they came. */
  latencies: z.array(z.number()),
  seconds: z.number(),
});
export const Shedding = z.object({ knee: z.number(), levels: z.array(Level) });
export type Shedding = z.infer<typeof Shedding>;

/** More and more requests for a gateway that sheds, and for one that does not. */
export async function measureShedding(
  world: World,
  load: LoadProcess,
  each: readonly Asked[],
  effort: Effort,
): Promise<Shedding> {
  const { seconds, knee: requests } = PLANS[effort];
  const gateways = [
    { sheds: true, url: world.app('gateway').url },
    { sheds: false, url: world.app(OPEN).url },
  ];
  const speeds: number[] = [];
  for (const { url } of [...gateways, ...gateways]) {
    const loaded = await load.send({ url, requests, inFlight: BUSY, each });
    speeds.push(requests / loaded.seconds);
  }
  const knee = median(speeds);
  const levels: Shedding['levels'] = [];
  for (const share of SHARES) {
    const perSecond = knee * share;
    for (const { sheds, url } of gateways) {
      const count = Math.round(perSecond * seconds);
      const { outcomes, seconds: took } = await load.offer({ url, perSecond, count, each });
      const latencies = outcomes.filter(({ status }) => status === 200).map(({ ms }) => ms);
      const shed = outcomes.filter(({ status }) => status === 503).length;
      if (latencies.length + shed < outcomes.length)
        throw new Error('some were answered otherwise');
      const inTime = latencies.filter((ms) => ms <= PATIENCE_MS).length;
      const about = { sheds, share, perSecond, offered: count };
      levels.push({ ...about, shed, inTime, latencies, seconds: took });
    }
  }
  return { knee, levels };
}

export function reportShedding({ knee, levels }: Shedding): string[] {
  return [
    '### More than can be done',
    '',
    `Requests (GET through) that come when they come (Poisson), at shares of the knee: of the ${figure(knee)} a second`,
    `that ${BUSY} at a time get through, on a machine where the services and who asks share the cores with`,
    `the gateway. Good is what was answered within ${PATIENCE_MS / 1000} s of its arrival, per second until the last`,
    'answer; latency is of all that were answered with what they asked for, from the moment at which they',
    'should have been sent. Limits as in services/gateway/load-shedding/load-shedder.ts, and without any.',
    '',
    ...table(
      ['of the knee', 'sheds', 'offered/s', 'good/s', 'p50 ms', 'p99 ms', 'shed %', 'too late %'],
      levels.map(({ sheds, share, perSecond, offered, shed, inTime, latencies, seconds }) => {
        const latency = (at: number) =>
          latencies.length === 0 ? '' : figure(percentile(latencies, at));
        return [
          ...[String(share), sheds ? 'yes' : 'no', figure(perSecond), figure(inTime / seconds)],
          ...[latency(0.5), latency(0.99), figure((100 * shed) / offered)],
          figure((100 * (latencies.length - inTime)) / offered),
        ];
      }),
    ),
  ];
}
