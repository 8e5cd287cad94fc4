import { z } from 'zod';
import type { RunningSystem } from '../../harness/running-system';
import { figure, table } from '../markdown';
import type { Effort } from '../part';
import { median, percentile } from '../statistics';
import { OPEN } from './edges';
import type { Asked } from './load';
import type { LoadProcess } from './load-process';

/** A client that waits longer has given up, so a later response is of no use. */
const PATIENCE_MS = 2_000;
const SHARES = [0.5, 1, 1.5, 2];
/** Requests in flight: enough to keep everything busy, and few enough that none queues for long. */
const BUSY = 64;

const PLANS: Readonly<Record<Effort, { seconds: number; knee: number }>> = {
  full: { seconds: 8, knee: 4_000 },
  quick: { seconds: 2, knee: 1_000 },
};

/** The outcome of the requests at one rate. */
const Level = z.object({
  sheds: z.boolean(),
  /** As a multiple of the saturation rate. */
  share: z.number(),
  perSecond: z.number(),
  offered: z.int(),
  /** Rejected immediately, with 503. */
  shed: z.int(),
  /** Succeeded before the client gave up. */
  inTime: z.int(),
  /** Milliseconds since the arrival, of the successful requests. */
  latencies: z.array(z.number()),
  seconds: z.number(),
});
export const Shedding = z.object({ knee: z.number(), levels: z.array(Level) });
export type Shedding = z.infer<typeof Shedding>;

/** Increasing rates of requests for a gateway with load shedding and for one without. */
export async function measureShedding(
  system: RunningSystem,
  load: LoadProcess,
  each: readonly Asked[],
  effort: Effort,
): Promise<Shedding> {
  const { seconds, knee: requests } = PLANS[effort];
  const gateways = [
    { sheds: true, url: system.app('gateway').url },
    { sheds: false, url: system.app(OPEN).url },
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
        throw new Error('some responses have another status');
      const inTime = latencies.filter((ms) => ms <= PATIENCE_MS).length;
      const about = { sheds, share, perSecond, offered: count };
      levels.push({ ...about, shed, inTime, latencies, seconds: took });
    }
  }
  return { knee, levels };
}

export function reportShedding({ knee, levels }: Shedding): string[] {
  return [
    '### Overload',
    '',
    'GET (200) requests with Poisson arrivals, at multiples of the saturation rate. The saturation rate is the',
    `throughput with ${BUSY} requests in flight: ${figure(knee)} requests/s on this machine, where the services and the client`,
    'share the cores with the gateway. The gateway runs with and without load shedding (see',
    'services/gateway/load-shedding).',
    '',
    `Good requests are those that succeed within ${PATIENCE_MS / 1000} s of their arrival; their rate is over the time until the`,
    'last response. Latencies are those of all successful requests, measured from the time at which they should',
    'have been sent.',
    '',
    ...table(
      [
        ...['of saturation', 'load shedding', 'offered/s', 'good/s', 'p50 ms', 'p99 ms'],
        ...['shed %', 'late %'],
      ],
      levels.map(({ sheds, share, perSecond, offered, shed, inTime, latencies, seconds }) => {
        const latency = (at: number) =>
          latencies.length === 0 ? '' : figure(percentile(latencies, at));
        return [
          ...[String(share), sheds ? 'on' : 'off', figure(perSecond), figure(inTime / seconds)],
          ...[latency(0.5), latency(0.99), figure((100 * shed) / offered)],
          figure((100 * (latencies.length - inTime)) / offered),
        ];
      }),
    ),
  ];
}
