// @ts-check
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isOpen } from './ports.mjs';
import { localDir } from './project.mjs';

// `port` is where the dapr command expects each of them. The other ports are set because their defaults
// are the same for all of them, or those of etcd.
const PLACEMENT = { port: 50005, raft: 18201, health: 18202, metrics: 18203 };
const SCHEDULER = { port: 50006, etcd: 18211, peer: 18212, health: 18213, metrics: 18214 };

/** @param {typeof PLACEMENT} ports */
export const placementArgs = ({ port, raft, health, metrics }) => [
  ...['--id', 'placement', '--initial-cluster', `placement=127.0.0.1:${raft}`],
  ...listenArgs({ port, health, metrics }),
];

/**
 * @param {typeof SCHEDULER} ports
 * @param {string} dir the folder for its jobs
 */
export const schedulerArgs = ({ port, etcd, peer, health, metrics }, dir) => [
  ...['--id', 'scheduler', '--etcd-initial-cluster', `scheduler=http://127.0.0.1:${peer}`],
  ...['--etcd-client-port', String(etcd), '--etcd-client-listen-address', '127.0.0.1'],
  ...['--etcd-data-dir', dir],
  ...listenArgs({ port, health, metrics }),
];

/** @param {{ port: number, health: number, metrics: number }} ports */
const listenArgs = ({ port, health, metrics }) => [
  ...['--listen-address', '127.0.0.1', '--port', String(port)],
  ...['--healthz-port', String(health), '--metrics-port', String(metrics)],
  ...['--metrics-listen-address', '127.0.0.1'],
];

/**
 * Starts Dapr's placement and scheduler unless they are running: jobs and workflows need them.
 * @param {import('./runtime.mjs').Runtime} runtime
 * @param {import('./children.mjs').Children} children
 * @param {import('./terminal.mjs').Terminal} terminal
 * @returns {Promise<() => Promise<void>>} waits until both accept connections
 */
export async function ensureControlPlane(runtime, children, terminal) {
  const dir = join(localDir, 'scheduler');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const services = [
    { name: 'placement', port: PLACEMENT.port, args: placementArgs(PLACEMENT) },
    { name: 'scheduler', port: SCHEDULER.port, args: schedulerArgs(SCHEDULER, dir) },
  ];
  /** @type {typeof services} */
  const started = [];
  for (const service of services) {
    if (await isOpen(service.port)) {
      terminal.print(`  ✓ ${service.name}: already running on port ${service.port}`);
    } else {
      children.start(service.name, join(runtime.bin, service.name), service.args);
      started.push(service);
    }
  }
  return async () => {
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
}
