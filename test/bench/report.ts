import { table } from './markdown';
import type { Part } from './part';

/** The machine that was measured, in general terms. */
export interface Machine {
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly dapr: string;
}

const AIMS = 'Targets';

const METHOD = `CPU is the user and system time of all processes that work for an order, read from /proc: services,
sidecars, broker and gateway. The program that places the orders and the simulator of the payment provider
are not counted. Variants that are compared are measured alternately in one run, because the speed of a
machine drifts over time. Compare ratios rather than absolute values.`;

/** A part, in the order of the document, with its result: `undefined` if it was not measured. */
export interface Chapter {
  readonly part: Part;
  readonly result: unknown;
}

/**
 * The text of docs/performance.md. The chapter of a part that was not measured is copied from `old`, the
 * present text.
 */
export function report(machine: Machine, chapters: readonly Chapter[], old = ''): string {
  const measured = chapters.filter(({ result }) => result !== undefined);
  const aims = measured.flatMap(({ part, result }) => part.aims(result));
  const rows = aims.map(({ aim, measured, met }) => [aim, measured, met ? 'met' : 'missed']);
  const kept = new Map(chaptersIn(old));
  const known = chapters.filter(({ part, result }) => result !== undefined || kept.has(part.title));
  const texts = known.map(({ part, result }) =>
    result === undefined ? (kept.get(part.title) ?? []) : part.report(result),
  );
  const isNew = ([aim]: readonly string[]) => rows.some(([other]) => other === aim);
  const others = known.length > measured.length ? rowsIn(kept.get(AIMS) ?? []) : [];
  return [
    '# Performance',
    '',
    'What an order costs, how fast it is, and what else was measured. This page is written by `npm run bench`;',
    '`npm run bench -- <part>` measures one part again. Parts:',
    '',
    ...known.map(({ part }) => `- ${part.title}`),
    '',
    `Measured on ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}, Dapr ${machine.dapr}.`,
    '',
    METHOD,
    '',
    `## ${AIMS}`,
    '',
    ...table(['target', 'measured', ''], [...others.filter((row) => !isNew(row)), ...rows]),
    ...known.flatMap(({ part }, at) => ['', `## ${part.title}`, '', ...(texts[at] ?? [])]),
    '',
  ].join('\n');
}

/** The chapters of a document, by their titles. */
function chaptersIn(text: string): [title: string, lines: string[]][] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((chapter) => {
      const [title = '', ...lines] = chapter.trimEnd().split('\n');
      return [title, lines.slice(1)];
    });
}

/** The rows of a table, without its head. */
const rowsIn = (lines: readonly string[]) =>
  lines
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
