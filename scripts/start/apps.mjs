// @ts-check
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { logFileOf } from './children.mjs';
import { lastLogLines } from './crash.mjs';
import { DAPRD_ENV, daprdArgs, withAccessControl } from './daprd.mjs';
import { ownEnv, serviceEnv, sidecarEnv } from './environment.mjs';
import { isFree } from './ports.mjs';
import { inProject, localDir, relativePath } from './project.mjs';
import { runFile, withTransports } from './transports.mjs';
import { UserError } from './user-error.mjs';

// The services of dapr.yaml and their sidecars. `dapr run -f dapr.yaml` could start them, but it restarts nothing,
// kills the sidecars before the services have finished, and opens ports to the network.

/**
 * What processes are given besides dapr.yaml and the environment: passwords, addresses.
 * @typedef {object} Given
 * @property {Record<string, string>} services each variable for the services that read it
 * @property {(app: string) => Record<string, string>} sidecars each variable for the components of an app that refer
 *   to it
 * @property {(text: string) => string} components the text of a component, changed where that is needed
 * @property {import('./control-plane.mjs').ControlPlane} plane
 *
 * @typedef {{ command: string, args: string[], cwd: string, env: Record<string, string> }} Plan
 *
 * An app of dapr.yaml. One that no sidecar calls, as it simulates something outside of the system, has none.
 * @typedef {object} App
 * @property {string} id
 * @property {number} port of /health
 * @property {Plan} service
 * @property {Plan & { httpPort: number } | undefined} sidecar
 */

/** The folder of the files for one start. Only this user can read them: they contain passwords. */
const folder = join(localDir, 'run');

/**
 * Writes the files of one start.
 * @param {import('./runtime.mjs').Runtime} runtime
 * @param {import('./transports.mjs').Transports} transports
 * @param {Given} given
 * @returns {Promise<App[]>}
 */
export async function planApps(runtime, transports, given) {
  // Not installed before the first start has installed the packages.
  const { parse } = await import('yaml');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const { common, apps } = parse(withTransports(readFileSync(runFile, 'utf8'), transports));
  const { identities, ports: plane } = given.plane;
  const resources = common.resourcesPaths.map(
    (/** @type {string} */ path, /** @type {number} */ at) =>
      changedFolder(inProject(path), join(folder, 'components', String(at)), given.components),
  );
  const nextPort = freePorts();
  /** @type {App[]} */
  const planned = [];
  for (const app of apps) {
    const { appID: id, appPort, command, configFilePath = common.configFilePath } = app;
    const [program, ...args] = command;
    const tokens = { DAPR_API_TOKEN: newToken(), APP_API_TOKEN: newToken() };
    const ports = {
      ...{ http: await nextPort(), grpc: await nextPort() },
      ...{ internal: await nextPort(), metrics: await nextPort() },
    };
    const service = {
      command: program,
      args,
      cwd: inProject(app.appDirPath),
      env: {
        ...ownEnv(),
        ...serviceEnv(id, given.services),
        ...common.env,
        // Services whose sidecars prove their identities need not prove their own.
        SERVICE_IDENTITY: identities ? 'sidecar' : 'token',
        ...app.env,
        ...(appPort && {
          ...tokens,
          ...{ APP_ID: id, APP_PORT: String(appPort) },
          ...{ DAPR_HTTP_PORT: String(ports.http), DAPR_GRPC_PORT: String(ports.grpc) },
        }),
      },
    };
    let configuration = inProject(configFilePath);
    if (identities) {
      const text = await withAccessControl(configuration, id);
      configuration = join(folder, `${id}.yaml`);
      writeFileSync(configuration, text, { mode: 0o600 });
    }
    const protocol = app.appProtocol ?? common.appProtocol;
    const sentry = identities?.sentry;
    const sidecar = appPort && {
      command: join(runtime.bin, 'daprd'),
      args: daprdArgs({
        app: id,
        protocol,
        appPort,
        ports,
        configuration,
        resources,
        plane,
        sentry,
      }),
      cwd: inProject(app.appDirPath),
      env: {
        ...ownEnv(),
        ...DAPRD_ENV,
        ...sidecarEnv(id, resources, given.sidecars(id)),
        ...tokens,
        ...(identities && {
          DAPR_TRUST_ANCHORS: identities.authority,
          DAPR_SENTRY_TOKEN_FILE: identities.tokenOf(id),
        }),
      },
      httpPort: ports.http,
    };
    planned.push({ id, port: Number(app.env.PORT), service, sidecar });
  }
  return planned;
}

/**
 * @param {string} from
 * @param {string} to
 * @param {(text: string) => string} change
 * @returns {string} a copy of a folder with changed components, or the folder itself if none is changed
 */
function changedFolder(from, to, change) {
  const files = readdirSync(from).filter((name) => /\.ya?ml$/.test(name));
  const texts = files.map((name) => readFileSync(join(from, name), 'utf8'));
  if (texts.every((text) => change(text) === text)) return from;
  mkdirSync(to, { recursive: true });
  files.forEach((name, index) => writeFileSync(join(to, name), change(texts[index] ?? '')));
  return to;
}

/**
 * Below the ports that the system gives to outgoing connections: one of those may be taken before its sidecar has
 * started.
 */
function freePorts() {
  let port = 20_000;
  return async () => {
    while (!(await isFree(port))) port++;
    return port++;
  };
}

const newToken = () => randomBytes(24).toString('base64url');

/**
 * Starts all services and sidecars, and waits until each service is ready.
 * @param {readonly App[]} apps
 * @param {import('./children.mjs').Children} children
 * @param {import('./terminal.mjs').Terminal} terminal
 */
export async function startApps(apps, children, terminal) {
  for (const { id, port, service, sidecar } of apps) {
    if (sidecar) {
      const { command, args, httpPort, ...where } = sidecar;
      const url = `http://127.0.0.1:${httpPort}/v1.0/healthz/outbound`;
      const works = async () => (await healthAt(url)) === 'ready';
      children.start(`${id}-sidecar`, command, args, { ...where, kind: 'sidecar', works });
    }
    const { command, args, ...where } = service;
    const works = async () => (await healthOf(port)) === 'ready';
    children.start(id, command, args, { ...where, kind: 'service', works });
  }
  const steps = apps.map((app) => ({ app, step: terminal.step(app.id, `waiting for ${app.id}`) }));
  await Promise.all(
    steps.map(async ({ app, step }) => {
      try {
        await children.guard(untilReady(app, step));
        step.done('ready');
      } catch (error) {
        step.fail();
        throw error;
      }
    }),
  );
}

const SLOW_MS = 20_000;
const TOO_SLOW_MS = 120_000;

/**
 * @param {App} app
 * @param {import('./terminal.mjs').Step} step
 */
async function untilReady({ id, port }, step) {
  const begun = performance.now();
  const log = logFileOf(id);
  for (;;) {
    const health = await healthOf(port);
    if (health === 'ready') return;
    const waited = performance.now() - begun;
    const lastLine = lastLogLines(log).at(-1);
    if (waited > SLOW_MS) {
      step.note(`${health}${lastLine ? `, last log line: ${messageOf(lastLine)}` : ''}`);
    }
    if (waited > TOO_SLOW_MS) {
      throw new UserError(
        `${id} is not ready after ${TOO_SLOW_MS / 1000} s (${health}). Log: ${relativePath(log)}`,
        lastLogLines(log),
      );
    }
    await sleep(100);
  }
}

/** @param {number} port of a service */
const healthOf = (port) => healthAt(`http://127.0.0.1:${port}/health/ready`);

/** @param {string} url */
async function healthAt(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    if (response.ok) return 'ready';
    return `status ${response.status} ${(await response.text()).slice(0, 200)}`;
  } catch {
    return `no response at ${url}`;
  }
}

/** @param {string} line of a service's log */
function messageOf(line) {
  try {
    return String(JSON.parse(line).message ?? line).slice(0, 120);
  } catch {
    return line.slice(0, 120);
  }
}
