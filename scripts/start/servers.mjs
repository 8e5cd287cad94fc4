// @ts-check
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram, lastLines, run, saysNoNetwork } from './commands.mjs';
import { Fault } from './fault.mjs';
import { ask, holderOf, isFree } from './ports.mjs';
import { localDir } from './project.mjs';

/**
 * A server that the system needs beside Dapr.
 * @typedef {object} Server
 * @property {string} name
 * @property {string} program its file name
 * @property {string} aptPackage
 * @property {number} port
 * @property {string} image with the same server, for Docker
 * @property {string[]} imageCommand
 * @property {(port: number) => Promise<boolean>} answers
 * @property {(port: number, dir: string) => string[]} args dir is there, and is the server's own
 */

const pong = async (/** @type {number} */ port) =>
  // a Redis that wants a password is one all the same, and daprd will say so
  /^(\+PONG|-NOAUTH)/.test((await ask(port, Buffer.from('PING\r\n')))?.toString() ?? '');

// CONNECT of MQTT 3.1.1 with a clean session, a keep-alive of 10 s and the client id "start"
const CONNECT = Buffer.from('\x10\x11\x00\x04MQTT\x04\x02\x00\x0a\x00\x05start', 'latin1');
const CONNACK = 0x20;

/**
 * What a broker has acknowledged is on its disk. With everysec the last second is not, and while the
 * disk is busy two, of which then not even the machine knows: an order that was accepted would be
 * lost with the process. It costs a publish 0.2 ms.
 */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];

/** @type {Server} */
export const redis = {
  name: 'Redis',
  program: 'redis-server',
  aptPackage: 'redis-server',
  port: 6379,
  image: 'redis:7-alpine',
  imageCommand: ['redis-server', ...DURABLE],
  answers: pong,
  args: (port, dir) => [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--daemonize', 'no'],
    ...DURABLE,
  ],
};

/** @type {Server} */
export const mosquitto = {
  name: 'mosquitto',
  program: 'mosquitto',
  aptPackage: 'mosquitto',
  port: 1883,
  image: 'eclipse-mosquitto:2',
  imageCommand: ['mosquitto', '-c', '/mosquitto-no-auth.conf'],
  answers: async (port) => (await ask(port, CONNECT))?.[0] === CONNACK,
  args: (port, dir) => {
    const file = join(dir, 'mosquitto.conf');
    const asRoot = process.getuid?.() === 0 ? 'user root\n' : '';
    writeFileSync(
      file,
      `listener ${port} 127.0.0.1\nallow_anonymous true\n` +
        `persistence true\npersistence_location ${dir}/\n${asRoot}`,
    );
    return ['-c', file];
  },
};

/**
 * The server's program on this machine, installed by apt where that is allowed.
 * @param {Server} server
 * @param {import('./terminal.mjs').Terminal} terminal
 * @returns {Promise<string | undefined>} its path
 */
export async function ensureProgram(server, terminal) {
  const found = findProgram(server.program);
  if (found) return found;
  const apt = await aptGet();
  if (!apt) return undefined;
  await terminal.during(
    [server.aptPackage, `installing ${server.aptPackage} with apt`],
    async (step) => {
      const onLine = (/** @type {string} */ line) => step.note(line.slice(0, 60));
      // Debian starts what it installs, and it would outlive this start: not in runlevel 1
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
      const install = ['install', '-y', '--no-install-recommends', server.aptPackage];
      let outcome = await run(apt[0], [...apt.slice(1), ...install], { env, onLine });
      if (outcome.code !== 0) {
        // a fresh machine has no package lists, or old ones
        await run(apt[0], [...apt.slice(1), 'update'], { env, onLine });
        outcome = await run(apt[0], [...apt.slice(1), ...install], { env, onLine });
      }
      if (outcome.code !== 0) {
        throw new Fault(
          saysNoNetwork(outcome.output)
            ? `${server.name} cannot be downloaded: check the network, or install ${server.program} by hand.`
            : `${server.name} cannot be installed with apt: install ${server.program} by hand.`,
          lastLines(outcome.output, 5),
        );
      }
    },
    () => 'installed',
  );
  return findProgram(server.program);
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
  const there = await run('docker', ['image', 'inspect', server.image]);
  if (there.code === 0) return true;
  const step = terminal.step(`docker pull ${server.image}`);
  const pull = await run('docker', ['pull', server.image], { timeoutMs: 120_000 });
  if (pull.code === 0) step.done('done');
  else step.warn('not to be had');
  return pull.code === 0;
}

/**
 * Uses the server that answers, or starts one from the PATH, from Docker or after installing it.
 * @param {Server} server
 * @param {import('./children.mjs').Children} children
 * @param {import('./terminal.mjs').Terminal} terminal
 * @returns {Promise<() => Promise<void>>} waits until it answers
 */
export async function ensureServer(server, children, terminal) {
  const { name, port } = server;
  if (await server.answers(port)) {
    terminal.say(`  ✓ ${name}: the one that answers on ${port} is used`);
    return async () => {};
  }
  if (!(await isFree(port))) {
    throw new Fault(
      `Port ${port} is held by ${await holderOf(port)}, and that is no ${name}: stop it, then start again.`,
    );
  }
  const dir = join(localDir, server.program);
  mkdirSync(dir, { recursive: true });
  const program = findProgram(server.program);
  if (program) {
    children.start(name, program, server.args(port, dir));
  } else if (await hasImage(server, terminal)) {
    const publish = ['-p', `127.0.0.1:${port}:${port}`];
    children.start(name, 'docker', [
      ...['run', '--rm', ...publish, server.image, ...server.imageCommand],
    ]);
  } else {
    const installed = await ensureProgram(server, terminal);
    if (!installed) {
      throw new Fault(
        `${name} is missing and cannot be installed from here: install ${server.program} (on Debian: "apt-get install ${server.aptPackage}"), or start one on port ${port}.`,
      );
    }
    // on a machine with systemd the package has started it already
    if (!(await server.answers(port))) children.start(name, installed, server.args(port, dir));
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
