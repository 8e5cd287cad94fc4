// @ts-check
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault } from './fault.mjs';
import { inProject, localDir, root } from './project.mjs';
import { deviceBrokers, servers } from './servers.mjs';

/**
 * What carries the events, what keeps the documents, and what devices speak to: folders of
 * components/bus, components/state and components/devices.
 * @typedef {{ bus: string, state: string, devices: string }} Transports
 * @typedef {keyof Transports} Kind
 */

const KINDS = /** @type {const} */ (['bus', 'state', 'devices']);

const runFile = inProject('dapr.yaml');
const FOLDER = /^(\s*-\s*\.\/components\/(bus|state|devices)\/)([\w-]+)/;

/** @param {Kind} kind */
export const choices = (kind) => readdirSync(inProject('components', kind)).sort();

/**
 * What dapr.yaml names, unless another is asked for.
 * @param {Partial<Record<Kind, string | undefined>>} asked
 * @returns {Transports}
 */
export function chooseTransports(asked) {
  const chosen = { bus: '', state: '', devices: '' };
  for (const line of readFileSync(runFile, 'utf8').split('\n')) {
    const [, , kind, name = ''] = FOLDER.exec(line) ?? [];
    const known = KINDS.find((each) => each === kind);
    if (known) chosen[known] = asked[known] ?? name;
  }
  for (const kind of KINDS) {
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
 * @param {import('./accounts.mjs').Platform} platform its account at the broker of the devices
 * @returns {{ all: import('./servers.mjs').Server[], broker: import('./servers.mjs').DeviceBroker | undefined }}
 *   all of them, and which of them is the broker of the devices: none where that is a folder of one's own
 */
export function serversOf({ bus, state, devices }, platform) {
  const broker = Object.entries(deviceBrokers).find(([kind]) => kind === devices)?.[1](platform);
  const others = Object.entries(servers)
    .filter(([kind]) => kind !== devices && (kind === bus || kind === state))
    .map(([, server]) => server);
  return { all: [...others, ...(broker ? [broker] : [])], broker };
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
      line.replace(FOLDER, (_, before, kind) => before + transports[/** @type {Kind} */ (kind)]),
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
