// @ts-check
import { readFileSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
/** The folder for data of this machine: accounts, data of the servers, logs. */
export const localDir = join(root, '.local');

/** @param {string[]} parts */
export const inProject = (...parts) => join(root, ...parts);

/**
 * The environment of every process that is started: the project's pinned Node comes first on the PATH.
 * @returns {NodeJS.ProcessEnv}
 */
export const childEnv = () => ({
  ...process.env,
  PATH: [inProject('node_modules', '.bin'), process.env.PATH].join(delimiter),
});

/**
 * `appPort` is 0 if no sidecar calls the app: it simulates something outside of the system.
 * @typedef {{ id: string, port: number, appPort: number, main: string }} App
 */

/**
 * The apps of dapr.yaml. Parsed line by line, because no YAML library is installed before the first start.
 * @param {string} [file]
 * @returns {App[]}
 */
export function readApps(file = inProject('dapr.yaml')) {
  /** @type {App[]} */
  const apps = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const id = /^\s*-\s*appID:\s*([\w-]+)/.exec(line)?.[1];
    if (id) apps.push({ id, port: 0, appPort: 0, main: '' });
    const app = apps.at(-1);
    if (!app) continue;
    const appPort = /^\s*appPort:\s*(\d+)/.exec(line)?.[1];
    if (appPort) app.appPort = Number(appPort);
    const port = /\bPORT:\s*['"]?(\d+)/.exec(line)?.[1];
    if (port) app.port = Number(port);
    const main = /^\s*command:.*'(dist\/[\w/-]+\.js)'/.exec(line)?.[1];
    if (main) app.main = main;
  }
  return apps;
}

/** The path relative to the project's folder. @param {string} path */
export const relativePath = (path) => relative(root, path) || '.';
