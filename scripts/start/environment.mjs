// @ts-check
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { childEnv, inProject } from './project.mjs';

/** What programs of any kind read: where they find files and programs, language, proxies, certificates. */
const EVERY_PROCESS =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|TMP|TEMP|CI|NO_COLOR|JAVA_HOME|(HTTP|HTTPS|NO|ALL)_PROXY|SSL_CERT_(FILE|DIR)|NODE_(OPTIONS|EXTRA_CA_CERTS)|GO(MAXPROCS|MEMLIMIT|GC)|XDG_\w+|SYSTEMROOT)$/i;

/** What sidecars read besides. Not the addresses and tokens of another system: DAPR_*. */
const SIDECAR = /^(OTEL_\w+|NAMESPACE|POD_NAME)$/;

/** @typedef {Record<string, string>} Env */

/** @param {(name: string) => boolean} wanted @returns {Env} */
function pick(wanted) {
  /** @type {Env} */
  const picked = {};
  for (const [name, value] of Object.entries(childEnv())) {
    if (value !== undefined && wanted(name)) picked[name] = value;
  }
  return picked;
}

/**
 * The environment of a process that is started. Other variables of this process's environment, which may be
 * passwords of somebody else, are left out.
 * @param {RegExp} [also] further variables that it reads
 */
export const ownEnv = (also) => pick((name) => EVERY_PROCESS.test(name) || !!also?.test(name));

/** @returns {{ common: string[], services: Record<string, string[]> }} see scripts/docs/sidecars.mjs */
const readVariables = () =>
  JSON.parse(readFileSync(inProject('components', 'environment.json'), 'utf8'));

/**
 * Whether an app reads an environment variable. An app that is not in the file needs only what dapr.yaml sets
 * for it.
 * @param {string} app
 * @returns {(name: string) => boolean}
 */
export function readsVariable(app) {
  const { common, services } = readVariables();
  const own = services[app];
  return (name) => own !== undefined && (common.includes(name) || own.includes(name));
}

/**
 * The variables that a service reads: those of this process, and then the given ones. Its ports are chosen for
 * each start.
 * @param {string} app
 * @param {Env} given
 * @returns {Env}
 */
export function serviceEnv(app, given) {
  const reads = readsVariable(app);
  const own = pick((name) => reads(name) && !/^(APP|DAPR)_/.test(name));
  return { ...own, ...only(given, reads) };
}

/**
 * The variables that a sidecar and its components read: those of this process, and then the given ones.
 * @param {string} app
 * @param {readonly string[]} folders of its components
 * @param {Env} given
 * @returns {Env}
 */
export function sidecarEnv(app, folders, given) {
  const named = new Set(folders.flatMap((folder) => variablesOf(folder, app)));
  // The PostgreSQL client reads its settings from the environment.
  const postgres = [...named].some((name) => name.startsWith('POSTGRES_'));
  const own = pick(
    (name) => named.has(name) || SIDECAR.test(name) || (postgres && /^PG/.test(name)),
  );
  return { ...own, ...only(given, (name) => named.has(name)) };
}

/** @param {Env} env @param {(name: string) => boolean} wanted @returns {Env} */
const only = (env, wanted) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => wanted(name)));

/**
 * The variables that the components of a folder refer to, where they are for an app. Read line by line, like
 * dapr.yaml.
 * @param {string} folder
 * @param {string} app
 */
function variablesOf(folder, app) {
  return readdirSync(folder)
    .filter((file) => /\.ya?ml$/.test(file))
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').split(/^---$/m))
    .filter((text) => isFor(text, app))
    .flatMap((text) =>
      [...text.matchAll(/^\s*envRef:\s*['"]?(\w+)/gm)].map(([, name = '']) => name),
    );
}

/** @param {string} text of a component @param {string} app */
function isFor(text, app) {
  const list = /^scopes:[^\n]*(?:\n\s*-[^\n]*)*/m.exec(text)?.[0];
  return list === undefined || (list.match(/[\w-]*\w/g) ?? []).slice(1).includes(app);
}
