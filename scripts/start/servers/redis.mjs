// @ts-check
import { findProgram } from '../commands.mjs';
import { ask } from '../ports.mjs';

/**
 * What a broker has acknowledged is on its disk. With everysec the last second is not, and while the
 * disk is busy two, of which then not even the machine knows: an order that was accepted would be
 * lost with the process. It costs a publish 0.2 ms.
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
    ...{ image: 'redis:7', port: 6379 },
    // whoever reaches the port that Docker opens on this machine may come in
    command: ['redis-server', '--protected-mode', 'no', ...DURABLE],
  }),
  // a Redis that wants a password is one all the same, and daprd will say so
  answers: async (port) =>
    /^(\+PONG|-NOAUTH)/.test((await ask(port, Buffer.from('PING\r\n')))?.toString() ?? ''),
  find: () => findProgram('redis-server'),
  plan: async (command, [port], dir) => ({
    command,
    args: [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--daemonize', 'no'],
      ...DURABLE,
    ],
  }),
};
