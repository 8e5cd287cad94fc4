import { REPEATED, type Variants, figure, spreadText, table } from '../markdown';
import type { Aim } from '../part';
import { type Spread, median, percentile, ratios } from '../statistics';
import type { EdgeResult } from './edge';
import { reportShedding } from './shedding';

const AT_MOST = 1.35;
const THROUGH = 'GET through';

const VARIANTS: Variants = {
  ours: {
    label: 'gateway',
    meaning:
      'with rate limits, ids, audit log, security headers, traces and all its other features.',
  },
  'ours again': { label: 'gateway (repeated)', meaning: REPEATED },
  express: {
    label: 'Express',
    meaning: 'plain Express 5 that makes the same calls and returns JSON.',
  },
  fastify: { label: 'Fastify', meaning: 'the same with Fastify 5.' },
};
const labelOf = (edge: string) => VARIANTS[edge]?.label ?? edge;

/** The kinds of requests, with the status of the response. */
const KINDS: Readonly<Record<string, string>> = {
  'cached GET': 'GET (304)',
  [THROUGH]: 'GET (200)',
  POST: 'POST (201)',
};
const kindOf = (requested: string) => KINDS[requested] ?? requested;

type Run = EdgeResult['runs'][number];

function select({ runs }: EdgeResult, edge: string, requested: string): Run[] {
  return runs
    .filter((run) => run.edge === edge && run.asked === requested)
    .sort((left, right) => left.round - right.round);
}

/** Milliseconds of CPU per request in each round. */
const cpuOf = (runs: readonly Run[], whose: keyof Run['cpu']) =>
  runs.map(({ cpu, requests }) => cpu[whose] / requests);

function compared(result: EdgeResult, requested: string, other: string): Spread {
  const [ours = ''] = result.edges;
  return ratios(
    cpuOf(select(result, ours, requested), 'own'),
    cpuOf(select(result, other, requested), 'own'),
  );
}

export function aims(result: EdgeResult): Aim[] {
  const ratio = compared(result, THROUGH, 'express');
  return [
    {
      aim: `CPU of the gateway process for a ${kindOf(THROUGH)} at most ${AT_MOST} times that of plain Express`,
      measured: spreadText(ratio),
      met: ratio.median <= AT_MOST,
    },
  ];
}

export function report(result: EdgeResult): string[] {
  const { edges, runs } = result;
  const [ours = '', ...others] = edges;
  const kinds = [...new Set(runs.map(({ asked }) => asked))];
  const rounds = new Set(runs.map(({ round }) => round)).size;
  return [
    ...edges.map((edge) => `- ${labelOf(edge)}: ${VARIANTS[edge]?.meaning ?? ''}`),
    '',
    'All variants are in front of the same services, each with a sidecar of its own. They are measured one',
    `after the other, in alternating order, in ${rounds} rounds. The client is a separate process (undici) with a fixed`,
    'number of requests in flight, on persistent connections.',
    '',
    '- GET (304) reads a product with its current ETag. The service is called before the response is 304.',
    '- GET (200) reads a product.',
    '- POST (201) places an order and waits until it is confirmed.',
    '',
    'Latencies are those of all requests of all rounds; the other values are medians of the rounds. CPU is in',
    'µs per request, of the process itself and of its sidecar.',
    '',
    ...table(
      [
        ...['request', 'variant', 'in flight', 'requests/s', 'p50 ms', 'p99 ms', 'requests'],
        ...['own CPU µs', 'sidecar CPU µs'],
      ],
      kinds.flatMap((requested) =>
        edges.map((edge) => {
          const of = select(result, edge, requested);
          const latencies = of.flatMap((run) => run.latencies);
          const speed = median(of.map(({ requests, seconds }) => requests / seconds));
          const cpu = (['own', 'sidecar'] as const).map((whose) => 1000 * median(cpuOf(of, whose)));
          return [
            ...[kindOf(requested), labelOf(edge), String(of[0]?.inFlight ?? '')],
            ...[speed, percentile(latencies, 0.5), percentile(latencies, 0.99)].map(figure),
            ...[String(latencies.length), ...cpu.map(figure)],
          ];
        }),
      ),
    ),
    '',
    `Own CPU of the ${labelOf(ours)} relative to each variant: the median of the ratios of the rounds, with quartiles.`,
    '',
    ...table(
      ['relative to', ...kinds.map(kindOf)],
      others.map((other) => [
        labelOf(other),
        ...kinds.map((requested) => spreadText(compared(result, requested, other))),
      ]),
    ),
    '',
    ...reportShedding(result.shedding),
  ];
}
