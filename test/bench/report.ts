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

const AIMS = 'Aims';

const METHOD = `CPU is user and system time of all processes that work for an order, from /proc: services, sidecars,
broker, gateway; not of what shares the machine with them: the program that places orders, and the
stand-in for the payment provider. What is compared
is measured in one run, in turns, as the speed of a machine drifts; so ratios say more than times.`;

/** A part in the order of the document, with what was measured in it: `undefined` where nothing was. */
export interface Chapter {
  readonly part: Part;
  readonly result: unknown;
}

/**
 * The text of docs/performance.md. Of a part that was not measured here, what `old`, the present text,
 * has of it stays as it is.
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
    '# What an order costs',
    '',
    'Written by `npm run bench`; `npm run bench -- <part>` measures one part anew. Parts:',
    `${known.map(({ part }) => part.title.toLowerCase()).join(', ')}.`,
    '',
    `Measured on ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}, Dapr ${machine.dapr}.`,
    '',
    METHOD,
    '',
    `## ${AIMS}`,
    '',
    ...table(['aim', 'measured', ''], [...others.filter((row) => !isNew(row)), ...rows]),
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
