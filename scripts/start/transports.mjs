// @ts-check
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inProject, localDir, root } from './project.mjs';
import { deviceBrokers, servers } from './servers.mjs';
import { UserError } from './user-error.mjs';

/**
 * The event broker, the document store and the device broker: names of folders in components/bus,
 * components/state and components/devices.
 * @typedef {{ bus: string, state: string, devices: string }} Transports
 * @typedef {keyof Transports} Kind
 */

const KINDS = /** @type {const} */ (['bus', 'state', 'devices']);

const runFile = inProject('dapr.yaml');
const FOLDER = /^(\s*-\s*\.\/components\/(bus|state|devices)\/)([\w-]+)/;

/** The folders to choose from. @param {Kind} kind */
export const choices = (kind) => readdirSync(inProject('components', kind)).sort();

/**
 * The requested transports, and those of dapr.yaml where none is requested. Throws a UserError if there is
 * no such folder.
 * @param {Partial<Record<Kind, string | undefined>>} requested
 * @returns {Transports}
 */
export function chooseTransports(requested) {
  const chosen = { bus: '', state: '', devices: '' };
  for (const line of readFileSync(runFile, 'utf8').split('\n')) {
    const [, , kind, name = ''] = FOLDER.exec(line) ?? [];
    const known = KINDS.find((each) => each === kind);
    if (known) chosen[known] = requested[known] ?? name;
  }
  for (const kind of KINDS) {
    const known = choices(kind);
    // dapr.yaml may name a folder that the user has added.
    if (requested[kind] === undefined || known.includes(chosen[kind])) continue;
    throw new UserError(`--${kind} must be one of ${known.join(', ')}, not ${chosen[kind]}.`);
  }
  return chosen;
}

/**
 * The servers that these transports need.
 * @param {Transports} transports
 * @param {import('./accounts.mjs').Platform} platform the platform's account at the device broker
 * @returns {{ all: import('./servers.mjs').Server[], broker: import('./servers.mjs').DeviceBroker | undefined }}
 *   `broker` is the device broker among them; undefined for a folder that the user has added
 */
export function serversOf({ bus, state, devices }, platform) {
  const broker = Object.entries(deviceBrokers).find(([kind]) => kind === devices)?.[1](platform);
  const others = Object.entries(servers)
    .filter(([kind]) => kind !== devices && (kind === bus || kind === state))
    .map(([, server]) => server);
  return { all: [...others, ...(broker ? [broker] : [])], broker };
}

/**
 * Replaces the folders of the transports in the text of a run file.
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
 * The run file with these transports: dapr.yaml itself if it names them, otherwise a copy. The paths in the
 * copy are absolute, because paths in a run file are relative to that file.
 * @param {Transports} transports
 * @returns {string} its path
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
