// @ts-check
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { findProgram, run } from './commands.mjs';

/**
 * What a server on this machine answers to the bytes sent, or to a connection alone.
 * @param {number} port
 * @param {Uint8Array} [hello]
 * @returns {Promise<Buffer | undefined>} undefined: nobody listens, or nothing was said in time
 */
export function ask(port, hello) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (/** @type {Buffer | undefined} */ answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => end(undefined));
    socket.on('error', () => end(undefined));
    socket.on('connect', () => (hello ? socket.write(hello) : end(Buffer.alloc(0))));
    socket.on('data', end);
    socket.on('close', () => end(undefined));
  });
}

/** @param {number} port */
export const isOpen = async (port) => (await ask(port)) !== undefined;

/** @param {number} port */
export async function isFree(port) {
  if (await isOpen(port)) return false;
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/**
 * Who listens on a port, as far as this user may know.
 * @param {number} port
 */
export async function holderOf(port) {
  const pid = process.platform === 'linux' ? listenerOnLinux(port) : await listenerByLsof(port);
  if (!pid) return 'a process that this user may not see';
  const { output } = await run('ps', ['-o', 'args=', '-p', String(pid)]);
  return `${output.slice(0, 60) || 'a process'} (pid ${pid})`;
}

/** @param {number} port */
async function listenerByLsof(port) {
  if (!findProgram('lsof')) return undefined;
  const { output } = await run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-t']);
  return Number(output.split('\n')[0]) || undefined;
}

/** @param {number} port */
function listenerOnLinux(port) {
  const LISTEN = '0A';
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const sockets = new Set();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readOr(table, '').split('\n').slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (local?.endsWith(`:${hexPort}`) && state === LISTEN) sockets.add(`socket:[${inode}]`);
    }
  }
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const files = readdirSync(`/proc/${pid}/fd`);
      if (files.some((fd) => sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`))))
        return Number(pid);
    } catch {
      // another user's process, or one that has just ended
    }
  }
  return undefined;
}

/**
 * @param {string} file
 * @param {string} otherwise
 */
function readOr(file, otherwise) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return otherwise;
  }
}
