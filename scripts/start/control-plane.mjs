// @ts-check
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ownEnv } from './environment.mjs';
import { authorityIn, controlPlaneTlsArgs, prepareSentry, sentryArgs } from './identities.mjs';
import { isOpen } from './ports.mjs';
import { localDir } from './project.mjs';

// `port` is the usual one of each, where `dapr init` starts it. The other ports are set because their defaults
// are the same for all of them, or those of etcd.
const PLACEMENT = { port: 50005, raft: 18201, health: 18202, metrics: 18203 };
const SCHEDULER = { port: 50006, etcd: 18211, peer: 18212, health: 18213, metrics: 18214 };

const SENTRY = { port: 18221, health: 18222 };

/**
 * How sidecars get their identities: the address of sentry, the certificate of its authority, and a token file
 * for each app.
 * @typedef {{ sentry: string, authority: string, tokenOf: (app: string) => string }} Identities
 */

/**
 * What sidecars need to know of the control plane: ports, and how they get identities, if they are to have some.
 * @typedef {object} ControlPlane
 * @property {{ placement: number, scheduler: number }} ports
 * @property {Identities | undefined} identities
 * @property {() => Promise<void>} ready waits until all accept connections
 */

/** @param {typeof PLACEMENT} ports */
export const placementArgs = ({ port, raft, health, metrics }) => [
  ...['--id', 'placement', '--initial-cluster', `placement=127.0.0.1:${raft}`],
  ...listenArgs({ port, health, metrics }),
];

/**
 * @param {typeof SCHEDULER} ports
 * @param {string} dir the folder for its jobs
 * @param {boolean} tls
 */
export const schedulerArgs = ({ port, etcd, peer, health, metrics }, dir, tls) => {
  // The only name of a single scheduler that its certificate contains.
  const id = tls ? 'dapr-scheduler-server-0' : 'scheduler';
  return [
    ...['--id', id, '--etcd-initial-cluster'],
    `${id}=${tls ? 'https' : 'http'}://127.0.0.1:${peer}`,
    // The default is a folder in /tmp that every user of the machine can find.
    ...(tls ? ['--identity-directory-write', join(dir, 'identity')] : []),
    ...['--etcd-client-port', String(etcd), '--etcd-client-listen-address', '127.0.0.1'],
    ...['--etcd-data-dir', dir],
    ...listenArgs({ port, health, metrics }),
  ];
};

/** @param {{ port: number, health: number, metrics: number }} ports */
const listenArgs = ({ port, health, metrics }) => [
  ...['--listen-address', '127.0.0.1', '--port', String(port)],
  ...['--healthz-port', String(health), '--metrics-port', String(metrics)],
  // Dapr up to 1.18 ignores the second one; the one that is built here is patched.
  ...['--metrics-listen-address', '127.0.0.1', '--healthz-listen-address', '127.0.0.1'],
];

/**
 * Starts Dapr's placement and scheduler, which jobs and workflows need, unless they are running. If both are started
 * here, also sentry, which gives the sidecars their identities: those that run already know no such sentry.
 * @param {import('./runtime.mjs').Runtime} runtime
 * @param {import('./children.mjs').Children} children
 * @param {import('./terminal.mjs').Terminal} terminal
 * @param {boolean} mtls whether sidecars are to have identities
 * @returns {Promise<ControlPlane>}
 */
export async function ensureControlPlane(runtime, children, terminal, mtls) {
  const dir = join(localDir, 'scheduler');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const running = await Promise.all([PLACEMENT, SCHEDULER].map(({ port }) => isOpen(port)));
  const sentry = join(runtime.bin, 'sentry');
  const obstacle = obstacleTo(mtls, running.includes(true), existsSync(sentry));
  const identities = obstacle === undefined ? await startSentry(sentry, children) : undefined;
  const tls = (/** @type {string} */ id) =>
    identities && {
      args: controlPlaneTlsArgs(sentryDir, SENTRY.port),
      env: { DAPR_SENTRY_TOKEN_FILE: identities.tokenOf(id) },
    };
  const services = [
    { name: 'placement', port: PLACEMENT.port, args: placementArgs(PLACEMENT) },
    { name: 'scheduler', port: SCHEDULER.port, args: schedulerArgs(SCHEDULER, dir, !!identities) },
  ];
  /** @type {typeof services} */
  const started = [];
  for (const [index, service] of services.entries()) {
    const { name, port, args } = service;
    if (running[index]) {
      terminal.print(`  ✓ ${name}: already running on port ${port}`);
    } else {
      const more = tls(`dapr-${name}`);
      children.start(name, join(runtime.bin, name), [...args, ...(more?.args ?? [])], {
        kind: 'control plane',
        env: { ...ownEnv(), ...more?.env },
        works: () => isOpen(port),
      });
      started.push(service);
    }
  }
  const ready = async () => {
    terminal.print(
      obstacle === undefined
        ? `  ✓ sentry: running on port ${SENTRY.port}, mTLS is on: sidecars prove their identities to each other`
        : `  ! mTLS is off: ${obstacle}. See docs/security.md`,
    );
    for (const { name, port } of started) {
      await terminal.runStep(
        [name, `waiting for ${name}`],
        async () => {
          while (!(await isOpen(port))) await children.guard(sleep(50));
        },
        () => `running on port ${port}`,
      );
    }
  };
  return { ready, identities, ports: { placement: PLACEMENT.port, scheduler: SCHEDULER.port } };
}

/**
 * @param {boolean} wanted
 * @param {boolean} running whether placement or scheduler is already running
 * @param {boolean} installed whether there is a sentry
 * @returns {string | undefined} why sidecars get no identities
 */
function obstacleTo(wanted, running, installed) {
  if (!wanted) return 'turned off by --no-mtls';
  if (running)
    return 'placement or scheduler was already running, without the sentry of this start';
  return installed ? undefined : 'this Dapr has no sentry';
}

const sentryDir = join(localDir, 'sentry');

/**
 * @param {string} program
 * @param {import('./children.mjs').Children} children
 * @returns {Promise<Identities>}
 */
async function startSentry(program, children) {
  const tokenOf = prepareSentry(sentryDir);
  children.start('sentry', program, sentryArgs(sentryDir, SENTRY), {
    kind: 'control plane',
    works: () => isOpen(SENTRY.port),
  });
  const file = authorityIn(sentryDir);
  while (!existsSync(file) || !(await isOpen(SENTRY.port))) await children.guard(sleep(20));
  return { sentry: `127.0.0.1:${SENTRY.port}`, authority: readFileSync(file, 'utf8'), tokenOf };
}
