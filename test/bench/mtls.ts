import { z } from 'zod';
import { startSystem } from '../harness/system';
import { closedLoop, warmUp } from './closed-loop';
import { sum } from './cpu';
import { figure, spreadText, table } from './markdown';
import { Ours } from './ours';
import { plain } from './orders';
import { type Effort, part } from './part';
import { type Spread, abba, median, ratios } from './statistics';

// What mTLS costs: the same system with identities of its sidecars (as `npm start` runs it), and with service
// tokens instead. Placement and scheduler run in both, with TLS in the first.

const PLANS: Readonly<Record<Effort, { rounds: number; orders: number; warmUp: number }>> = {
  full: { rounds: 16, orders: 60, warmUp: 300 },
  quick: { rounds: 8, orders: 24, warmUp: 160 },
};
const IN_FLIGHT = 8;
/** At most this: on by default, see docs/security.md. */
const MAX_RATIO = 1.15;

const LABELS = { mtls: 'with mTLS', tokens: 'with service tokens' } as const;
type Name = keyof typeof LABELS;

const Run = z.object({
  round: z.int(),
  variant: z.enum(['mtls', 'tokens']),
  orders: z.int(),
  seconds: z.number(),
  latencies: z.array(z.number()),
  cpu: z.record(z.string(), z.number()),
});
const MtlsResult = z.object({ runs: z.array(Run) });
type MtlsResult = z.infer<typeof MtlsResult>;

const ours = (name: Name) =>
  new Ours(name, () => startSystem({ mtls: name === 'mtls', controlPlane: true }));

export const mtls = part({
  title: 'mTLS between sidecars',
  result: MtlsResult,
  run: async (effort, log) => {
    const plan = PLANS[effort];
    const variants = (['mtls', 'tokens'] as const).map((name) => ({ name, variant: ours(name) }));
    const runs: MtlsResult['runs'] = [];
    try {
      for (let round = 0; round < plan.rounds; round++) {
        // twice, the second time in reverse: see orders.ts
        if (round === 0 || round === plan.rounds / 2) {
          for (const { name, variant } of round === 0 ? variants : variants.toReversed()) {
            await stop(variant);
            log(`mtls: starting ${LABELS[name]}`);
            await variant.start();
            started.add(variant);
            await warmUp(variant, plan.warmUp);
            variant.pause();
          }
        }
        for (const { name, variant } of abba(variants, round)) {
          await variant.resume();
          await warmUp(variant, IN_FLIGHT);
          const sample = await closedLoop(variant, plan.orders, IN_FLIGHT);
          runs.push({ round, variant: name, ...plain(sample) });
          variant.pause();
        }
        log(`mtls: round ${round + 1} of ${plan.rounds}`);
      }
    } finally {
      for (const { variant } of variants) await stop(variant);
    }
    return { runs };
  },
  report: (result) => [
    `CPU of an order, ${IN_FLIGHT} in flight, with mTLS between the sidecars and no service tokens, and the other way`,
    'round. Placement and scheduler run in both, with mTLS also by TLS. Median of the rounds.',
    '',
    ...table(
      ['variant', 'CPU ms per order', 'sidecars', 'others'],
      (['mtls', 'tokens'] as const).map((name) => [
        LABELS[name],
        figure(median(cpuPerOrder(result, name))),
        figure(median(cpuPerOrder(result, name, isSidecar))),
        figure(median(cpuPerOrder(result, name, (process) => !isSidecar(process)))),
      ]),
    ),
    '',
    `Ratio of the rounds, with quartiles: ${spreadText(ratioOf(result))}.`,
  ],
  aims: (result) => {
    const ratio = ratioOf(result);
    return [
      {
        aim: `CPU of an order with mTLS at most ${MAX_RATIO} times that with service tokens`,
        measured: spreadText(ratio),
        met: ratio.median <= MAX_RATIO,
      },
    ];
  },
});

const started = new Set<Ours>();

async function stop(variant: Ours): Promise<void> {
  // a paused process would not handle the signal
  if (started.delete(variant)) await variant.resume();
  await variant.stop();
}

const isSidecar = (process: string) => process.endsWith('-sidecar');

/** In ms, of each round. */
function cpuPerOrder(
  { runs }: MtlsResult,
  name: Name,
  of: (process: string) => boolean = () => true,
): number[] {
  return runs
    .filter(({ variant }) => variant === name)
    .map(({ cpu, orders }) => {
      const counted = Object.entries(cpu).filter(([process]) => of(process));
      return sum(Object.fromEntries(counted)) / orders;
    });
}

const ratioOf = (result: MtlsResult): Spread =>
  ratios(cpuPerOrder(result, 'mtls'), cpuPerOrder(result, 'tokens'));
