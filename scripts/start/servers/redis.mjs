// @ts-check
import { findProgram } from '../commands.mjs';
import { exchange } from '../ports.mjs';

/**
 * An event that the broker has acknowledged must be on its disk. With `everysec` the last second is not,
 * and two seconds while the disk is busy; they are only in the process, so an accepted order would be lost
 * with it. `always` costs a publish 0.2 ms.
 */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];

/** @type {import('../servers.mjs').Server} */
export const redis = {
  name: 'Redis',
  program: 'redis-server',
  needs: 'redis-server',
  aptPackages: ['redis-server'],
  ports: [6379],
  container: () => ({
    image: 'redis:7',
    port: 6379,
    // Every client that reaches the port that Docker opens on this machine is trusted.
    command: ['redis-server', '--protected-mode', 'no', ...DURABLE],
  }),
  // A Redis that requires a password counts too; daprd will report the missing password.
  responds: async (port) =>
    /^(\+PONG|-NOAUTH)/.test((await exchange(port, Buffer.from('PING\r\n')))?.toString() ?? ''),
  find: () => findProgram('redis-server'),
  plan: async (command, [port], dir) => ({
    command,
    args: [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--daemonize', 'no'],
      ...DURABLE,
    ],
  }),
};
