import { posix } from 'node:path';
import type { Fault, SourceFile } from './rules';

/** What the rules below need to know of the tree. */
export interface Tree {
  /** The text of a file; undefined where there is none. */
  text(path: string): string | undefined;
  /** Whether there is a file or folder of this path. */
  exists(path: string): boolean;
}

/** A fenced block of a document. */
export interface Block {
  readonly document: string;
  /** The line of its fence, from 1. */
  readonly line: number;
  /** What follows the fence: `ts file=kit/core/errors.ts`. */
  readonly info: string;
  /** The HTML comment above it, as in `<!-- run with: --minutes 1 -->`. */
  readonly comment: string;
  readonly lines: readonly string[];
}

const FENCE = /^\s*```(.*)$/;
const COMMENT = /^\s*<!--\s*(.*?)\s*-->$/;

/** The fenced blocks of a document, and its lines outside of them. */
function parts({ path, text }: SourceFile): { blocks: Block[]; prose: string[] } {
  const blocks: Block[] = [];
  const prose: string[] = [];
  let open: (Block & { lines: string[] }) | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const [, info] = FENCE.exec(line) ?? [];
    if (info === undefined) (open?.lines ?? prose).push(line);
    else if (open === undefined) {
      const above = prose.findLast((it) => it.trim() !== '') ?? '';
      const [, comment = ''] = COMMENT.exec(above) ?? [];
      open = { document: path, line: index + 1, info, comment, lines: [] };
    } else {
      blocks.push(open);
      open = undefined;
    }
  }
  return { blocks, prose };
}

/** All fenced blocks of documents. */
export const blocksOf = (documents: readonly SourceFile[]): Block[] =>
  documents.flatMap((document) => parts(document).blocks);

/**
 * How a block is checked.
 * - `quoted`: it occurs in the file that it names.
 * - `diagram`: the services, methods and events that it names exist.
 * - `run`: its commands run beside a started system, with these further options.
 * - `run by`: a test runs its commands: each word of them is in that file.
 * - `options only`: its commands accept their options; why they cannot be run.
 * - `checked as`: one of CHECKERS accepts it.
 */
export type Handling =
  | { readonly how: 'quoted' | 'diagram' }
  | { readonly how: 'run' | 'run by' | 'options only' | 'checked as'; readonly text: string };

/** The test that has the checker. */
export const CHECKERS: Readonly<Record<string, string>> = {
  'changelog entries': 'test/guides/documents.test.ts',
  'device message': 'test/guides/documents.test.ts',
  'calls of others': 'test/guides/documents.test.ts',
  'resource paths': 'test/guides/documents.test.ts',
  'RabbitMQ settings': 'test/guides/documents.test.ts',
  'mosquitto settings': 'test/start/documents.test.ts',
  'output of npm start': 'test/start/documents.test.ts',
};

/** The blocks that are checked by the checkers of a test, by checker. */
export const blocksCheckedIn = (documents: readonly SourceFile[], test: string) =>
  blocksOf(documents).flatMap((block) => {
    const handling = handlingOf(block);
    if (handling?.how !== 'checked as' || CHECKERS[handling.text] !== test) return [];
    return [{ checker: handling.text, block }];
  });

/** Undefined if nothing checks the block. */
export function handlingOf({ info, comment }: Block): Handling | undefined {
  if (/\bfile=\S/.test(info)) return { how: 'quoted' };
  if (info === 'mermaid') return { how: 'diagram' };
  const [, how, text = ''] =
    /^(run with|run by|options only|checked as): (\S.*)$/.exec(comment) ?? [];
  if (info === 'sh') {
    if (how === 'run by' || how === 'options only') return { how, text };
    return comment === '' || how === 'run with' ? { how: 'run', text } : undefined;
  }
  return how === 'checked as' && Object.hasOwn(CHECKERS, text) ? { how, text } : undefined;
}

/** Every block is run or validated, and a test that is said to run its commands contains them. */
export function unchecked(documents: readonly SourceFile[], tree: Tree): Fault[] {
  return blocksOf(documents).flatMap((block) => {
    const where = `${block.document}:${block.line}`;
    const handling = handlingOf(block);
    if (handling === undefined) return [`${where} is neither run nor validated`];
    if (handling.how !== 'run by') return [];
    const test = tree.text(handling.text);
    if (test === undefined) return [`${where}: ${handling.text} does not exist`];
    return block.lines
      .flatMap((line) => line.trim().split(/\s+/))
      .filter((word) => !['', '--'].includes(word) && !test.includes(word))
      .map((word) => `${where}: ${handling.text} does not have ${word}`);
  });
}

/** The names in a diagram: of events and commands, of methods, and of services in a sequence. */
export function diagramNames({ lines }: Pick<Block, 'lines'>) {
  const text = lines.join('\n');
  const labels = found(/^\s*(?:[^:\n]*-(?:>>|\)|->>|-\))[^:\n]*|Note over [^:\n]*): (.*)$/gm, text);
  return {
    messages: labels.flatMap((label) => found(/\b([a-z]+(?:\.[a-z]+)+)\b/g, label)),
    methods: labels.flatMap((label) => found(/^([A-Z][a-z]+(?:[A-Z][a-z]+)*)(?: \(.*)?$/g, label)),
    participants: [
      ...new Set(
        found(/^\s*([a-z]+(?:-[a-z]+)*)--?[>)]/gm, text).concat(
          found(/--?(?:>>|\))([a-z-]+):/g, text),
        ),
      ),
    ],
  };
}

/** A block `file=path` occurs in that file; `// ...` or `# ...` on a line of its own omits lines. */
export function quotes(documents: readonly SourceFile[], tree: Tree): Fault[] {
  return documents.flatMap((document) =>
    parts(document).blocks.flatMap(({ info, lines }) => {
      const [, path] = /\bfile=(\S+)/.exec(info) ?? [];
      if (path === undefined) return [];
      const text = tree.text(path);
      if (text === undefined) return [`${document.path} quotes ${path}, which does not exist`];
      const missing = missingFrom(normalised(text.split('\n')), normalised(lines));
      return missing === undefined ? [] : [`${document.path}: ${path} has no line: ${missing}`];
    }),
  );
}

function normalised(lines: readonly string[]): string[] {
  return lines.map((line) => line.trim().replace(/\s+/g, ' ')).filter((line) => line !== '');
}

/** The first quoted line that does not follow in the source; undefined if all do. */
function missingFrom(source: readonly string[], quoted: readonly string[]): string | undefined {
  let from = 0;
  let piece: string[] = [];
  for (const line of [...quoted, '// ...']) {
    if (!/^(\/\/|#) \.\.\.$/.test(line)) {
      piece.push(line);
      continue;
    }
    const wanted = piece;
    const at = source.findIndex(
      (_, start) => start >= from && wanted.every((each, index) => source[start + index] === each),
    );
    if (at < 0) return wanted.find((each) => !source.includes(each, from)) ?? wanted[0];
    from = at + wanted.length;
    piece = [];
  }
  return undefined;
}

/** In `sh` blocks: npm scripts and test files exist, and paths of the edge are those of a route. */
export function commands(
  documents: readonly SourceFile[],
  tree: Tree,
  scripts: ReadonlySet<string>,
  routes: readonly string[],
): Fault[] {
  const isRoute = (path: string) => routes.some((route) => matches(route, path));
  return documents.flatMap((document) =>
    parts(document)
      .blocks.filter(({ info }) => /^sh\b/.test(info))
      .flatMap(({ lines }) => lines)
      .flatMap((line) => [
        ...found(/\bnpm (?:run )?([\w:]+)/g, line)
          .filter((script) => !['ci', 'install', 'run'].includes(script) && !scripts.has(script))
          .map((script) => `${document.path}: package.json has no script ${script}`),
        ...found(/\s([\w./-]+\/[\w.-]+\.ts)\b/g, line)
          .filter((path) => !tree.exists(path))
          .map((path) => `${document.path}: ${path} does not exist`),
        ...found(/(?:\$api|\/api\/v1)(\/[^\s"'?]*)/g, line)
          .filter((path) => !isRoute(path))
          .map((path) => `${document.path}: no route is ${path}`),
      ]),
  );
}

/** A parameter of a route stands for one segment, such as `<orderId>` or `$product`. */
function matches(route: string, path: string): boolean {
  const wanted = route.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length &&
    wanted.every((segment, index) => segment.startsWith(':') || segment === given[index])
  );
}

/** Relative links lead to a file or folder, and their anchors to a heading. */
export function links(documents: readonly SourceFile[], tree: Tree): Fault[] {
  return documents.flatMap((document) => {
    const prose = parts(document)
      .prose.join('\n')
      .replaceAll(/`[^`\n]*`/g, '');
    return found(/\]\(([^)\s]+)\)/g, prose)
      .filter((target) => !/^\w+:/.test(target))
      .flatMap((target) => {
        const [file = '', anchor] = target.split('#');
        const folder = posix.dirname(document.path);
        const path = file === '' ? document.path : posix.join(folder, file);
        if (!tree.exists(path)) return [`${document.path} links to ${path}, which does not exist`];
        if (anchor === undefined || headings(path, tree).includes(anchor)) return [];
        return [`${document.path}: ${path} has no heading #${anchor}`];
      });
  });
}

/** The anchors of a document's headings, as they are made on GitHub. */
function headings(path: string, tree: Tree): string[] {
  const { prose } = parts({ path, text: tree.text(path) ?? '' });
  return prose
    .filter((line) => /^#+ /.test(line))
    .map((line) => line.replace(/^#+ /, '').toLowerCase())
    .map((heading) => heading.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-'));
}

/**
 * Rows of tables that give a name in code and the file that defines it: the file has the name. Where the
 * name is a constant with a unit (`CALL_MS`), its value there is what the row says (`5 s`).
 */
export function names(documents: readonly SourceFile[], tree: Tree): Fault[] {
  return documents.flatMap((document) =>
    rowsOf(document).flatMap(({ path, name, isFirst, said }) => {
      const text = tree.text(path);
      if (text === undefined) return []; // a fault of the link
      const where = `${document.path}: ${path}`;
      if (!text.includes(name)) return [`${where} has no ${name}`];
      const value = isFirst ? valueOf(name, text) : undefined;
      if (value === undefined || value === measured(said)) return [];
      return [`${where} has ${name} = ${value}, not ${said}`];
    }),
  );
}

/** Every constant of milliseconds or seconds has a row in the document, but those that are exempt. */
export function timeouts(
  document: SourceFile,
  sources: readonly SourceFile[],
  exempt: readonly string[],
): Fault[] {
  const listed = new Set(rowsOf(document).map(({ path, name }) => `${path} ${name.split(' ')[0]}`));
  return sources.flatMap(({ path, text }) =>
    found(/^(?:export )?const ([A-Z][A-Z_]*_(?:MS|SECONDS))\b/gm, text)
      .filter((name) => !exempt.includes(name) && !listed.has(`${path} ${name}`))
      .map((name) => `${document.path} has no row for ${name} of ${path}`),
  );
}

interface Row {
  readonly path: string;
  readonly name: string;
  /** Whether the row is about the name; otherwise the name is given for a term. */
  readonly isFirst: boolean;
  readonly said: string;
}

/** The rows of tables with a column `defined in` that have a name in code, for each of their links. */
function rowsOf(document: SourceFile): Row[] {
  let isDefinition = false;
  return parts(document).prose.flatMap((row) => {
    // a table's header comes first; a line outside of a table ends it
    if (!row.startsWith('|')) isDefinition = false;
    else if (/\| defined in\b/.test(row)) isDefinition = true;
    if (!isDefinition) return [];
    const cells = row.split('|').slice(1).map(codeOrCell);
    const named = cells.findIndex(({ code }) => code !== undefined);
    const name = cells[named]?.code;
    if (name === undefined) return [];
    return found(/\]\(([^)\s#]+)\)/g, row).map((target) => ({
      path: posix.join(posix.dirname(document.path), target),
      name,
      isFirst: named === 0,
      said: cells[1]?.text.trim() ?? '',
    }));
  });
}

function codeOrCell(cell: string): { text: string; code?: string } {
  const [, code] = /^\s*`([^`]+)`\s*$/.exec(cell) ?? [];
  return code === undefined ? { text: cell } : { text: cell, code };
}

/** In milliseconds where its name has a unit: of a constant, or the default of a variable. */
function valueOf(name: string, text: string): number | undefined {
  if (!/^[A-Z][A-Z_]+$/.test(name)) return undefined;
  const constant = new RegExp(`\\b${name} = ([\\d_ *]+);`).exec(text);
  const variable = new RegExp(`\\b${name}: [^\\n]*\\.default\\(([\\d_]+)\\)`).exec(text);
  const [, expression] = constant ?? variable ?? [];
  if (expression === undefined) return undefined;
  const factors = expression.replaceAll('_', '').split('*').map(Number);
  const value = factors.reduce((product, factor) => product * factor, 1);
  return name.endsWith('_SECONDS') ? value * 1_000 : value;
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `5 s` in milliseconds; a number without a unit as it is. */
function measured(publishedEvents: string): number {
  const [, number = '', unit] = /^([\d.]+)(?: (\w+))?$/.exec(publishedEvents) ?? [];
  return Number(number) * (unit === undefined ? 1 : (UNITS[unit] ?? NaN));
}

function found(pattern: RegExp, text: string): string[] {
  return [...text.matchAll(pattern)].map(([, match = '']) => match);
}
