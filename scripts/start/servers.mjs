// @ts-check
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram, lastLines, run, saysNoNetwork } from './commands.mjs';
import { Fault } from './fault.mjs';
import { holderOf, isFree } from './ports.mjs';
import { childEnv, localDir } from './project.mjs';
import { chromium } from './servers/chromium.mjs';
import { kafka } from './servers/kafka.mjs';
import { mosquitto, mosquittoFor } from './servers/mosquitto.mjs';
import { postgresql } from './servers/postgresql.mjs';
import { rabbitmq, rabbitmqFor } from './servers/rabbitmq.mjs';
import { redis } from './servers/redis.mjs';

/**
 * A server that the system needs beside Dapr.
 * @typedef {object} Server
 * @property {string} name
 * @property {string} program what its process and its folder are called
 * @property {string} needs what to install by hand
 * @property {string[]} aptPackages
 * @property {[number, ...number[]]} ports that it listens on, the one for clients first
 * @property {(front: number) => Container} container the same server in Docker
 * @property {(port: number) => Promise<boolean>} answers
 * @property {() => string | undefined} find the program that runs it, if all it needs is there
 * @property {(terminal: import('./terminal.mjs').Terminal) => Promise<boolean>} [install]
 *   gets what apt does not have; false where what apt has is missing for it
 * @property {(dir: string) => void} [prepare] writes what it has to find there when it starts
 * @property {(program: string, ports: number[], dir: string, front: number) => Promise<Plan>} plan
 *   dir is there, and is the server's own; front is the port by which clients reach it
 *
 * @typedef {{ command: string, args: string[], env?: Record<string, string> }} Plan
 *
 * A server to which devices speak. Given the platform's account, it lets in nobody else but the devices
 * that it is told of: `admit` makes these the only ones.
 * @typedef {Server & {
 *   devicePort: (ports: number[]) => number | undefined,
 *   admit: (accounts: import('../devices/broker-files.mjs').Account[], at: Place) => Promise<void>,
 * }} DeviceBroker
 *
 * Where a server runs, and how it is told to read its files again.
 * @typedef {{ dir: string, ports: number[], reread: () => void }} Place
 *
 * @typedef {object} Container
 * @property {string} image
 * @property {number} port for clients, in the container
 * @property {Record<string, string>} [env]
 * @property {Record<string, string>} [files] what is in files of the container, by path
 * @property {Record<string, string>} [folders] of the server's own folder, by path in the container
 * @property {number[]} [morePorts] that it has beside the one for clients, reached by the same numbers
 * @property {string[]} [command] instead of the image's own
 */

/** By what folders of components are called. */
export const servers = /** @type {const} */ ({ redis, rabbitmq, kafka, postgresql, mosquitto });

/** Those to which devices can speak, by the folders of components/devices. */
export const deviceBrokers = { mosquitto: mosquittoFor, rabbitmq: rabbitmqFor };

/**
 * What is found on a machine, or installed there.
 * @typedef {Pick<Server, 'name' | 'needs' | 'aptPackages' | 'find' | 'install'>} Program
 */

/**
 * The program on this machine, installed where that is allowed.
 * @param {Program} server
 * @param {import('./terminal.mjs').Terminal} terminal
 * @returns {Promise<string | undefined>} its path
 */
export async function ensureProgram(server, terminal) {
  const found = server.find();
  if (found) return found;
  if (await server.install?.(terminal)) return server.find();
  if (!(await installPackages(server, terminal))) return undefined;
  await server.install?.(terminal);
  return server.find();
}

/**
 * Installs what is missing of all servers and of the browser, for tests that start their own.
 * @param {import('./terminal.mjs').Terminal} terminal
 */
export async function ensurePrograms(terminal) {
  for (const server of Object.values(servers)) {
    if (!(await ensureProgram(server, terminal))) throw missing(server);
  }
  if (!(await ensureProgram(chromium, terminal))) {
    throw new Fault(
      `${chromium.name} is missing and cannot be installed from here: install ${chromium.needs}.`,
    );
  }
}

/**
 * @param {Program} server
 * @param {import('./terminal.mjs').Terminal} terminal
 * @returns {Promise<boolean>} false where nothing may be installed from here
 */
async function installPackages({ name, needs, aptPackages }, terminal) {
  const apt = await aptGet();
  if (!apt) return false;
  await terminal.during(
    [name, `installing ${aptPackages.join(', ')} with apt`],
    async (step) => {
      const onLine = (/** @type {string} */ line) => step.note(line.slice(0, 60));
      // Debian starts what it installs, and it would outlive this start: not in runlevel 1
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
      const install = ['install', '-y', '--no-install-recommends', ...aptPackages];
      let outcome = await run(apt[0], [...apt.slice(1), ...install], { env, onLine });
      if (outcome.code !== 0) {
        // a fresh machine has no package lists, or old ones
        await run(apt[0], [...apt.slice(1), 'update'], { env, onLine });
        outcome = await run(apt[0], [...apt.slice(1), ...install], { env, onLine });
      }
      if (outcome.code !== 0) {
        throw new Fault(
          saysNoNetwork(outcome.output)
            ? `${name} cannot be downloaded: check the network, or install ${needs} by hand.`
            : `${name} cannot be installed with apt: install ${needs} by hand.`,
          lastLines(outcome.output, 5),
        );
      }
    },
    () => 'installed',
  );
  return true;
}

/** @returns {Promise<[string, ...string[]] | undefined>} how apt-get is called here, if it may be */
async function aptGet() {
  if (!findProgram('apt-get')) return undefined;
  if (process.getuid?.() === 0) return ['apt-get'];
  if (!findProgram('sudo')) return undefined;
  const { code } = await run('sudo', ['-n', 'true']);
  return code === 0 ? ['sudo', '-n', 'apt-get'] : undefined;
}

/**
 * @param {Server} server
 * @param {import('./terminal.mjs').Terminal} terminal
 */
async function hasImage(server, terminal) {
  if (!findProgram('docker')) return false;
  const daemon = await run('docker', ['info'], { timeoutMs: 5000 });
  if (daemon.code !== 0) return false;
  const { image } = server.container(server.ports[0]);
  const there = await run('docker', ['image', 'inspect', image]);
  if (there.code === 0) return true;
  const step = terminal.step(`docker pull ${image}`);
  const pull = await run('docker', ['pull', image], { timeoutMs: 120_000 });
  if (pull.code === 0) step.done('done');
  else step.warn('not to be had');
  return pull.code === 0;
}

/**
 * Uses the server that answers, or starts one that is installed, one from Docker, or one that can be
 * installed.
 * @param {Server} server
 * @param {import('./children.mjs').Children} children
 * @param {import('./terminal.mjs').Terminal} terminal
 * @returns {Promise<() => Promise<void>>} waits until it answers
 */
export async function ensureServer(server, children, terminal) {
  const { name, ports } = server;
  const [port] = ports;
  if (await server.answers(port)) {
    terminal.say(`  ✓ ${name}: the one that answers on ${port} is used`);
    return async () => {};
  }
  for (const each of ports) {
    if (await isFree(each)) continue;
    throw new Fault(
      `Port ${each} is held by ${await holderOf(each)}, and that is no ${name}: stop it, then start again.`,
    );
  }
  const dir = folderOf(server);
  mkdirSync(dir, { recursive: true });
  server.prepare?.(dir);
  const start = async (/** @type {string} */ program) => {
    const { command, args, env } = await server.plan(program, ports, dir, port);
    children.start(name, command, args, { env: { ...childEnv(), ...env } });
  };
  const program = server.find();
  if (program) {
    await start(program);
  } else if (await hasImage(server, terminal)) {
    children.start(name, 'docker', dockerRun(server.container(port), port, dir));
  } else {
    const installed = await ensureProgram(server, terminal);
    if (!installed) throw missing(server);
    // on a machine with systemd the package has started it already
    if (!(await server.answers(port))) await start(installed);
  }
  return () =>
    terminal.during(
      [name, `waiting for ${name}`],
      async () => {
        while (!(await children.guard(server.answers(port)))) await children.guard(sleep(50));
      },
      () => `answers on ${port} after`,
    );
}

/** @param {Pick<Server, 'program'>} server */
export const folderOf = ({ program }) => join(localDir, program);

/**
 * The arguments with which docker runs a server; what it has to read is written to the folder.
 * @param {Container} container
 * @param {number} front
 * @param {string} dir
 */
export function dockerRun(container, front, dir) {
  const {
    image,
    port,
    env = {},
    files = {},
    folders = {},
    morePorts = [],
    command = [],
  } = container;
  mkdirSync(dir, { recursive: true });
  const mounts = Object.entries(files).flatMap(([path, text]) => {
    const file = join(dir, basename(path));
    writeFileSync(file, text);
    return ['-v', `${file}:${path}:ro`];
  });
  for (const [path, folder] of Object.entries(folders)) {
    mounts.push('-v', `${join(dir, folder)}:${path}:ro`);
  }
  const settings = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const ports = [`${front}:${port}`, ...morePorts.map((each) => `${each}:${each}`)].flatMap(
    (each) => [...['-p', `127.0.0.1:${each}`]],
  );
  return ['run', '--rm', ...ports, ...settings, ...mounts, image, ...command];
}

/** @param {Server} server */
export const missing = ({ name, needs, aptPackages, ports: [port] }) =>
  new Fault(
    `${name} is missing and cannot be installed from here: install ${needs} (on Debian: "apt-get install ${aptPackages.join(' ')}"), or start one on port ${port}.`,
  );
