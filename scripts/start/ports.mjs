// @ts-check
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { findProgram, run } from './commands.mjs';

/**
 * Sends bytes to a server on this machine and returns its first response. Without bytes, returns an empty
 * buffer as soon as the connection is open.
 * @param {number} port
 * @param {Uint8Array} [hello]
 * @returns {Promise<Buffer | undefined>} undefined: nothing listens, or nothing was received within 1 s
 */
export function exchange(port, hello) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (/** @type {Buffer | undefined} */ response) => {
      socket.destroy();
      resolve(response);
    };
    socket.setTimeout(1000, () => end(undefined));
    socket.on('error', () => end(undefined));
    socket.on('connect', () => (hello ? socket.write(hello) : end(Buffer.alloc(0))));
    socket.on('data', end);
    socket.on('close', () => end(undefined));
  });
}

/** @param {number} port */
export const isOpen = async (port) => (await exchange(port)) !== undefined;

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
 * Describes the process that listens on a port: its command and process id, if this user may see it.
 * @param {number} port
 */
export async function describePortOwner(port) {
  const pid = process.platform === 'linux' ? listenerOnLinux(port) : await listenerByLsof(port);
  if (!pid) return 'an unknown process';
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
      // A process of another user, or one that has just exited.
    }
  }
  return undefined;
}

/**
 * @param {string} file
 * @param {string} fallback
 */
function readOr(file, fallback) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return fallback;
  }
}
