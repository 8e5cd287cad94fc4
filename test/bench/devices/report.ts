import { sum } from '../cpu';
import { figure, spreadText, table } from '../markdown';
import type { Aim } from '../part';
import { type Spread, median, ratios } from '../statistics';
import type { DevicesResult } from './devices';

const AT_MOST = 1.5;

type Run = DevicesResult['runs'][number];

const MEANING: Readonly<Record<string, string>> = {
  status: 'status (a heartbeat)',
  telemetry: 'telemetry',
  stock: 'stock (a change)',
};

function select({ runs }: DevicesResult, arm: string, kind: string): Run[] {
  return runs
    .filter((run) => run.arm === arm && run.kind === kind)
    .sort((left, right) => left.round - right.round);
}

const kindsOf = ({ runs }: DevicesResult) => [...new Set(runs.map(({ kind }) => kind))];

/** Milliseconds of CPU per message, in each round. */
const cpuOf = (runs: readonly Run[]) => runs.map(({ cpu, messages }) => sum(cpu) / messages);

function ratioOf(result: DevicesResult, kind: string): Spread {
  return ratios(cpuOf(select(result, 'ours', kind)), cpuOf(select(result, 'bare', kind)));
}

export function aims(result: DevicesResult): Aim[] {
  return kindsOf(result).map((kind) => {
    const ratio = ratioOf(result, kind);
    return {
      aim: `a message of ${kind} at most ${AT_MOST} times the CPU of a bare handler`,
      measured: spreadText(ratio),
      met: ratio.median <= AT_MOST,
    };
  });
}

export function report(result: DevicesResult): string[] {
  const kinds = kindsOf(result);
  const rounds = new Set(result.runs.map(({ round }) => round)).size;
  const rows = kinds.flatMap((kind) =>
    ['ours', 'bare'].map((arm) => {
      const runs = select(result, arm, kind);
      return [
        ...[MEANING[kind] ?? kind, arm],
        figure(median(runs.map(({ messages, seconds }) => messages / seconds))),
        figure(median(cpuOf(runs))),
        arm === 'ours' ? spreadText(ratioOf(result, kind)) : '',
      ];
    }),
  );
  const names = [...new Set(result.runs.flatMap(({ cpu }) => Object.keys(cpu)))];
  const each = names.map((name) => [
    name,
    ...kinds.flatMap((kind) =>
      ['ours', 'bare'].map((arm) => {
        const used = select(result, arm, kind).map(
          ({ cpu, messages }) => ((cpu[name] ?? 0) / messages) * 1_000,
        );
        return figure(median(used));
      }),
    ),
  ]);
  return [
    'What a message of a device costs, from the broker until all who hear of it are done: beside a',
    'handler behind a sidecar that acknowledges, and reads, writes and says as much, of the same size,',
    'and nothing else (no signature, no schema, no place among the others, no shop that is asked). Both',
    `take the same messages in turns, forth and back, in ${rounds} rounds; all of a round are sent at once.`,
    'CPU is of both services, their sidecars, the broker of the devices and that of the events, in',
    'milliseconds per message; the ratio is that of the rounds, with its quartiles.',
    '',
    ...table(['message', 'arm', 'messages/s', 'CPU ms', 'ours / bare'], rows),
    '',
    'By process, in microseconds of CPU per message:',
    '',
    ...table(['process', ...kinds.flatMap((kind) => [`${kind}, ours`, `${kind}, bare`])], each),
  ];
}
