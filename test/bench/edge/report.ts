import { figure, spreadText, table } from '../markdown';
import type { Aim } from '../part';
import { type Spread, median, percentile, ratios } from '../statistics';
import type { EdgeResult } from './edge';
import { reportShedding } from './shedding';

const AT_MOST = 1.35;
const THROUGH = 'GET through';

const MEANING: Readonly<Record<string, string>> = {
  ours: 'the gateway, with limits, ids, audit, security headers, traces and all else that it does',
  'ours again': 'another process of it: how far apart two equals are measured (the noise)',
  express: 'Express 5 and nothing else: the same calls through a sidecar of its own, JSON out',
  fastify: 'Fastify 5 in its place',
};

type Run = EdgeResult['runs'][number];

function select({ runs }: EdgeResult, edge: string, asked: string): Run[] {
  return runs
    .filter((run) => run.edge === edge && run.asked === asked)
    .sort((left, right) => left.round - right.round);
}

/** Milliseconds of CPU per request in each round. */
const cpuOf = (runs: readonly Run[], whose: keyof Run['cpu']) =>
  runs.map(({ cpu, requests }) => cpu[whose] / requests);

function compared(result: EdgeResult, asked: string, other: string): Spread {
  const [ours = ''] = result.edges;
  return ratios(
    cpuOf(select(result, ours, asked), 'own'),
    cpuOf(select(result, other, asked), 'own'),
  );
}

export function aims(result: EdgeResult): Aim[] {
  const ratio = compared(result, THROUGH, 'express');
  return [
    {
      aim: `the gateway's own CPU at most ${AT_MOST} times that of bare Express on the ${THROUGH}`,
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
    ...edges.map((edge) => `- ${edge}: ${MEANING[edge] ?? ''}`),
    '',
    'All stand in front of the same services, each beside a sidecar of its own, and are asked one after',
    `the other, forth and back, in ${rounds} rounds; by a program of its own (undici) that has so many requests`,
    'on their way at a time, on connections that are kept. A cached GET has the ETag of what it asks',
    'for and is answered 304, once the service has been asked; a GET through is that of a product; a',
    'POST is an order, until it is confirmed. Latency is of all requests of all rounds; the rest are',
    'medians of the rounds. CPU is in microseconds per request.',
    '',
    ...table(
      ['', '', 'in flight', 'requests/s', 'p50 ms', 'p99 ms', 'requests', 'own CPU', 'sidecar'],
      kinds.flatMap((asked) =>
        edges.map((edge) => {
          const of = select(result, edge, asked);
          const latencies = of.flatMap((run) => run.latencies);
          const speed = median(of.map(({ requests, seconds }) => requests / seconds));
          const cpu = (['own', 'sidecar'] as const).map((whose) => 1000 * median(cpuOf(of, whose)));
          return [
            ...[asked, edge, String(of[0]?.inFlight ?? '')],
            ...[speed, percentile(latencies, 0.5), percentile(latencies, 0.99)].map(figure),
            ...[String(latencies.length), ...cpu.map(figure)],
          ];
        }),
      ),
    ),
    '',
    'Own CPU of ours over that of each other: the median of the ratios of the rounds, and their quartiles.',
    '',
    ...table(
      [`CPU of ${ours} to`, ...kinds],
      others.map((other) => [
        other,
        ...kinds.map((asked) => spreadText(compared(result, asked, other))),
      ]),
    ),
    '',
    ...reportShedding(result.shedding),
  ];
}
