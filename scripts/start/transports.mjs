// @ts-check
import { readFileSync, readdirSync } from 'node:fs';
import { inProject } from './project.mjs';
import { accessTo } from './access.mjs';
import { deviceBrokers, serversWithAccounts } from './servers.mjs';
import { UserError } from './user-error.mjs';

/**
 * The event broker, the document store and the device broker: names of folders in components/bus,
 * components/state and components/devices.
 * @typedef {{ bus: string, state: string, devices: string }} Transports
 * @typedef {keyof Transports} Kind
 */

const KINDS = /** @type {const} */ (['bus', 'state', 'devices']);

export const runFile = inProject('dapr.yaml');
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
 * The servers that these transports need, with accounts.
 * @param {Transports} transports
 * @param {import('./accounts.mjs').Accounts} accounts
 * @param {readonly string[]} apps
 * @returns {{ all: import('./servers.mjs').Server[], broker: import('./servers.mjs').DeviceBroker | undefined }}
 *   `broker` is the device broker among them; undefined for a folder that the user has added
 */
export function serversOf({ bus, state, devices }, { platform, servers: { secret } }, apps) {
  const access = (/** @type {string} */ server) => accessTo(server, { secret, bus, apps });
  const broker =
    devices === 'rabbitmq'
      ? deviceBrokers.rabbitmq(platform, access('rabbitmq'))
      : Object.entries(deviceBrokers).find(([kind]) => kind === devices)?.[1](platform);
  const others = Object.entries(serversWithAccounts)
    .filter(([kind]) => kind !== devices && (kind === bus || kind === state))
    .map(([kind, server]) => server(access(kind)));
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
