// @ts-check
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram, lastLines, run, isNetworkFailure } from './commands.mjs';
import { describePortOwner, isFree } from './ports.mjs';
import { ownEnv } from './environment.mjs';
import { localDir } from './project.mjs';
import { chromium } from './servers/chromium.mjs';
import { kafka, kafkaFor } from './servers/kafka.mjs';
import { mosquitto, mosquittoFor } from './servers/mosquitto.mjs';
import { postgresql, postgresqlFor } from './servers/postgresql.mjs';
import { rabbitmq, rabbitmqFor } from './servers/rabbitmq.mjs';
import { redis, redisFor } from './servers/redis.mjs';
import { UserError } from './user-error.mjs';

/**
 * A server that the system needs beside Dapr.
 * @typedef {object} Server
 * @property {string} name
 * @property {string} program the name of its process and of its folder in .local
 * @property {string} needs what to install by hand
 * @property {string[]} aptPackages
 * @property {[number, ...number[]]} ports the ports that it listens on, the one for clients first
 * @property {(clientPort: number) => Container} container the same server in Docker
 * @property {(port: number) => Promise<boolean>} responds whether this server responds on a port
 * @property {() => string | undefined} find the program that runs it, if everything it needs is installed
 * @property {(terminal: import('./terminal.mjs').Terminal) => Promise<boolean>} [install]
 *   installs what apt does not have; false if a package of apt is missing for that
 * @property {(dir: string) => void} [prepare] writes the files that it needs in its folder when it starts
 * @property {(program: string, ports: number[], dir: string, clientPort: number) => Promise<Plan>} plan
 *   how to start it; dir is its own folder, which exists; clients reach it by clientPort
 * @property {(ports: readonly number[]) => Promise<void>} [setUp] what is left to do when it responds, at every start
 * @property {(app: string) => Record<string, string>} [clientEnv] the environment variables by which the components of
 *   an app authenticate, if it was started with accounts
 * @property {(component: string) => string} [secure] the text of its component, changed for a server with accounts
 *
 * @typedef {{ command: string, args: string[], env?: Record<string, string> }} Plan
 *
 * A server that devices connect to. With the platform's account, it accepts that account and the
 * accounts that were last passed to `setAccounts`, and no others.
 * @typedef {Server & {
 *   devicePort: (ports: number[]) => number | undefined,
 *   platformPort: (ports: number[]) => number | undefined,
 *   setAccounts: (accounts: import('../devices/broker-files.mjs').Account[], at: Location) => Promise<void>,
 * }} DeviceBroker
 *
 * Where a server runs, and how to make it reload its files.
 * @typedef {{ dir: string, ports: number[], reload: () => void }} Location
 *
 * @typedef {object} Container
 * @property {string} image
 * @property {number} port for clients, inside the container
 * @property {Record<string, string>} [env]
 * @property {Record<string, string>} [secretEnv] more of it, which no other user of this machine may see
 * @property {Record<string, string>} [files] contents of files, by path in the container
 * @property {Record<string, string>} [folders] subfolders of the server's folder, by path in the container
 * @property {number[]} [morePorts] further ports; the same numbers inside and outside the container
 * @property {string[]} [command] instead of the image's own
 */

/** By the names of the folders in components. */
export const servers = /** @type {const} */ ({ redis, rabbitmq, kafka, postgresql, mosquitto });

/**
 * The same servers with accounts.
 * @type {Record<string, (access: import('./access.mjs').Access) => Server>}
 */
export const serversWithAccounts = {
  redis: redisFor,
  rabbitmq: (access) => rabbitmqFor(undefined, access),
  kafka: kafkaFor,
  postgresql: postgresqlFor,
};

/** The device brokers, by the names of the folders in components/devices. */
export const deviceBrokers = { mosquitto: mosquittoFor, rabbitmq: rabbitmqFor };

/**
 * A program that is found on a machine or installed there.
 * @typedef {Pick<Server, 'name' | 'needs' | 'aptPackages' | 'find' | 'install'>} Program
 */

/**
 * Finds a program on this machine, and installs it if it is missing and may be installed.
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
 * Installs all servers and the browser, as far as they are missing, for tests that start their own.
 * @param {import('./terminal.mjs').Terminal} terminal
 */
export async function ensurePrograms(terminal) {
  for (const server of Object.values(servers)) {
    if (!(await ensureProgram(server, terminal))) throw missingError(server);
  }
  if (!(await ensureProgram(chromium, terminal))) {
    throw new UserError(
      `${chromium.name} is missing and cannot be installed automatically: install ${chromium.needs}.`,
    );
  }
}

/**
 * @param {Program} server
 * @param {import('./terminal.mjs').Terminal} terminal
 * @returns {Promise<boolean>} false if packages may not be installed
 */
async function installPackages({ name, needs, aptPackages }, terminal) {
  const apt = await aptGet();
  if (!apt) return false;
  await terminal.runStep(
    [name, `installing ${aptPackages.join(', ')} with apt`],
    async (step) => {
      const onLine = (/** @type {string} */ line) => step.note(line.slice(0, 60));
      // Debian starts a server after it has installed it, except in runlevel 1. Such a server would
      // outlive this process.
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
      const install = ['install', '-y', '--no-install-recommends', ...aptPackages];
      let result = await run(apt[0], [...apt.slice(1), ...install], { env, onLine });
      if (result.code !== 0) {
        // The package lists of a fresh machine are missing or outdated.
        await run(apt[0], [...apt.slice(1), 'update'], { env, onLine });
        result = await run(apt[0], [...apt.slice(1), ...install], { env, onLine });
      }
      if (result.code !== 0) {
        throw new UserError(
          isNetworkFailure(result.output)
            ? `${name} cannot be downloaded: check the network, or install ${needs} by hand.`
            : `${name} cannot be installed with apt: install ${needs} by hand.`,
          lastLines(result.output, 5),
        );
      }
    },
    () => 'installed',
  );
  return true;
}

/** @returns {Promise<[string, ...string[]] | undefined>} the apt-get command, if this user may run it */
async function aptGet() {
  if (!findProgram('apt-get')) return undefined;
  // Packages are for all users of the machine.
  const command = /** @type {const} */ (['sh', '-c', 'umask 022; exec "$@"', 'sh']);
  if (process.getuid?.() === 0) return [...command, 'apt-get'];
  if (!findProgram('sudo')) return undefined;
  const { code } = await run('sudo', ['-n', 'true']);
  return code === 0 ? [...command, 'sudo', '-n', 'apt-get'] : undefined;
}

/**
 * Whether Docker has the server's image, or can pull it.
 * @param {Server} server
 * @param {import('./terminal.mjs').Terminal} terminal
 */
async function hasImage(server, terminal) {
  if (!findProgram('docker')) return false;
  const daemon = await run('docker', ['info'], { timeoutMs: 5000 });
  if (daemon.code !== 0) return false;
  const { image } = server.container(server.ports[0]);
  const inspect = await run('docker', ['image', 'inspect', image]);
  if (inspect.code === 0) return true;
  const step = terminal.step(`docker pull ${image}`);
  const pull = await run('docker', ['pull', image], { timeoutMs: 120_000 });
  if (pull.code === 0) step.done('done');
  else step.warn('not available');
  return pull.code === 0;
}

/**
 * Finds a way to run a server that is not running: an installed one, one from Docker, or one that it installs
 * first. Throws a UserError if there is none.
 * @param {Server} server
 * @param {import('./terminal.mjs').Terminal} terminal
 * @returns {Promise<string | undefined>} the program; undefined for Docker, and where it is running
 */
export async function obtainServer(server, terminal) {
  const { name, ports } = server;
  if (await server.responds(ports[0])) return undefined;
  for (const each of ports) {
    if (await isFree(each)) continue;
    throw new UserError(
      `${name} needs port ${each}, which is in use by ${await describePortOwner(each)}: stop it, then start again.`,
    );
  }
  const found = server.find();
  if (found || (await hasImage(server, terminal))) return found;
  const installed = await ensureProgram(server, terminal);
  if (!installed) throw missingError(server);
  return installed;
}

/**
 * Uses the server that is running, or else starts one.
 * @param {Server} server
 * @param {string | undefined} program what obtainServer has returned
 * @param {import('./children.mjs').Children} children
 * @param {import('./terminal.mjs').Terminal} terminal
 * @returns {Promise<() => Promise<void>>} waits until the server responds
 */
export async function startServer(server, program, children, terminal) {
  const { name, ports } = server;
  const [port] = ports;
  // On a machine with systemd a package starts its server when it is installed.
  if (await server.responds(port)) {
    terminal.print(`  ✓ ${name}: already running on port ${port}`);
    return async () => {};
  }
  const dir = folderOf(server);
  mkdirSync(dir, { recursive: true });
  server.prepare?.(dir);
  const works = async () => {
    if (!(await server.responds(port))) return false;
    await server.setUp?.(ports);
    return true;
  };
  const { command, args, env } = program
    ? await server.plan(program, ports, dir, port)
    : {
        command: 'docker',
        args: dockerRun(server.container(port), port, dir),
        env: ownEnv(/^DOCKER_/),
      };
  children.start(name, command, args, { kind: 'server', env: { ...ownEnv(), ...env }, works });
  return () =>
    terminal.runStep(
      [name, `waiting for ${name}`],
      async () => {
        while (!(await children.guard(works()))) await children.guard(sleep(50));
      },
      () => `running on port ${port}`,
    );
}

/** @param {Pick<Server, 'program'>} server */
export const folderOf = ({ program }) => join(localDir, program);

/**
 * The arguments with which docker runs a server. Writes the files that the server reads to the folder.
 * @param {Container} container
 * @param {number} clientPort the port of this machine by which clients reach it
 * @param {string} dir
 */
export function dockerRun(container, clientPort, dir) {
  const {
    image,
    port,
    env = {},
    secretEnv = {},
    files = {},
    folders = {},
    morePorts = [],
    command = [],
  } = container;
  mkdirSync(dir, { recursive: true });
  const mounts = Object.entries(files).flatMap(([path, text]) => {
    const file = join(dir, basename(path));
    writeFileSync(file, text);
    // A server in a container is another user. On this machine the folder keeps others from reading it.
    chmodSync(file, 0o644);
    return ['-v', `${file}:${path}:ro`];
  });
  for (const [path, folder] of Object.entries(folders)) {
    mounts.push('-v', `${join(dir, folder)}:${path}:ro`);
  }
  const settings = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const secrets = Object.entries(secretEnv).map(([name, value]) => `${name}=${value}\n`);
  if (secrets.length > 0) {
    // The arguments of a program are visible to all users.
    const file = join(dir, 'container.env');
    writeFileSync(file, secrets.join(''), { mode: 0o600 });
    settings.push('--env-file', file);
  }
  const mappings = [`${clientPort}:${port}`, ...morePorts.map((each) => `${each}:${each}`)];
  const ports = mappings.flatMap((each) => ['-p', `127.0.0.1:${each}`]);
  return ['run', '--rm', ...ports, ...settings, ...mounts, image, ...command];
}

/** @param {Server} server */
export const missingError = ({ name, needs, aptPackages, ports: [port] }) =>
  new UserError(
    `${name} is missing and cannot be installed automatically: install ${needs} (on Debian: "apt-get install ${aptPackages.join(' ')}"), or start it on port ${port}.`,
  );
