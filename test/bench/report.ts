import { table } from './markdown';
import type { Part } from './part';

/** On what it was measured, in general terms. */
export interface Machine {
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly dapr: string;
}

/** One part with what was measured in it. */
export interface Measured {
  readonly part: Part;
  readonly result: unknown;
}

const METHOD = `CPU is user and system time of all processes that work for an order, from /proc: services, sidecars,
broker, gateway; not of what shares the machine with them: the program that places orders, and the
stand-in for the payment provider. What is compared
is measured in one run, in turns, as the speed of a machine drifts; so ratios say more than times.`;

/** The text of docs/performance.md. */
export function report(machine: Machine, measured: readonly Measured[]): string {
  const aims = measured.flatMap(({ part, result }) => part.aims(result));
  return [
    '# What an order costs',
    '',
    'Written by `npm run bench`; `npm run bench -- <part>` measures one part anew. Parts:',
    `${measured.map(({ part }) => part.title.toLowerCase()).join(', ')}.`,
    '',
    `Measured on ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}, Dapr ${machine.dapr}.`,
    '',
    METHOD,
    '',
    '## Aims',
    '',
    ...table(
      ['aim', 'measured', ''],
      aims.map(({ aim, measured, met }) => [aim, measured, met ? 'met' : 'missed']),
    ),
    ...measured.flatMap(({ part, result }) => ['', `## ${part.title}`, '', ...part.report(result)]),
    '',
  ].join('\n');
}
