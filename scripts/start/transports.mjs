// @ts-check
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault } from './fault.mjs';
import { inProject, localDir, root } from './project.mjs';
import { servers } from './servers.mjs';

/**
 * What carries the events and what keeps the documents: folders of components/bus and of
 * components/state.
 * @typedef {{ bus: string, state: string }} Transports
 */

const runFile = inProject('dapr.yaml');
const FOLDER = /^(\s*-\s*\.\/components\/(bus|state)\/)([\w-]+)/;

/** @param {'bus' | 'state'} kind */
export const choices = (kind) => readdirSync(inProject('components', kind)).sort();

/**
 * What dapr.yaml names, unless another is asked for.
 * @param {{ bus?: string | undefined, state?: string | undefined }} asked
 * @returns {Transports}
 */
export function chooseTransports(asked) {
  const chosen = { bus: '', state: '' };
  for (const line of readFileSync(runFile, 'utf8').split('\n')) {
    const [, , kind, name = ''] = FOLDER.exec(line) ?? [];
    if (kind === 'bus' || kind === 'state') chosen[kind] = asked[kind] ?? name;
  }
  for (const kind of /** @type {const} */ (['bus', 'state'])) {
    const known = choices(kind);
    // dapr.yaml may name a folder of one's own
    if (asked[kind] === undefined || known.includes(chosen[kind])) continue;
    throw new Fault(`--${kind} is ${known.join(', ')}, and not ${chosen[kind]}.`);
  }
  return chosen;
}

/**
 * The servers that these need.
 * @param {Transports} transports
 * @returns {import('./servers.mjs').Server[]}
 */
export function serversOf({ bus, state }) {
  const kinds = /** @type {[string, import('./servers.mjs').Server][]} */ (Object.entries(servers));
  return kinds.filter(([kind]) => kind === bus || kind === state).map(([, server]) => server);
}

/**
 * The text of a run file with the folders of these transports.
 * @param {string} text
 * @param {Transports} transports
 */
export const withTransports = (text, transports) =>
  text
    .split('\n')
    .map((line) =>
      line.replace(FOLDER, (_, before, kind) => before + transports[/** @type {'bus'} */ (kind)]),
    )
    .join('\n');

/**
 * The run file with these transports: dapr.yaml itself where it names them, else a copy, whose paths
 * are whole, as those in a run file are relative to it.
 * @param {Transports} transports
 */
export function runFileFor(transports) {
  const text = readFileSync(runFile, 'utf8');
  const chosen = withTransports(text, transports);
  if (chosen === text) return runFile;
  const file = join(localDir, 'dapr.yaml');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    chosen
      .replace(/^(\s*-\s*|\s*configFilePath:\s*)\.\//gm, `$1${root}`)
      .replace(/^(\s*appDirPath:\s*)\.$/gm, `$1${root}`),
  );
  return file;
}
