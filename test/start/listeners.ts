import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** A TCP socket that listens. */
export interface Listener {
  readonly address: string;
  readonly port: number;
  /** The command line of its process. */
  readonly command: string;
}

const LISTEN = '0A';

/**
 * The TCP sockets that listen in a network namespace.
 * @param proc a process of that namespace, as a folder of /proc
 * @param folder only processes that run in this folder count
 */
export function listeners(proc = '/proc/self', folder?: string): Listener[] {
  const owners = socketOwners(folder);
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`${proc}/net/${table}`, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
        const [hex = '', port = ''] = local.split(':');
        const command = owners.get(inode);
        if (state !== LISTEN || (folder !== undefined && command === undefined)) return [];
        return [{ address: addressOf(hex), port: parseInt(port, 16), command: command ?? '?' }];
      }),
  );
}

export const isOnLoopback = ({ address }: Listener): boolean =>
  address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');

/** The command line of each socket's process, by the socket's inode. */
function socketOwners(folder?: string): Map<string, string> {
  const owners = new Map<string, string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (folder !== undefined && !readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)) continue;
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
        if (inode !== undefined) owners.set(inode, command.slice(0, 120));
      }
    } catch {
      // it has just exited, or belongs to another user
    }
  }
  return owners;
}

/** An address of /proc/net/tcp or tcp6: words of 4 bytes in the byte order of the machine. */
function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    [...Buffer.from(word, 'hex')].reverse(),
  );
  if (bytes.length === 4) return bytes.join('.');
  const head = bytes.slice(0, 12).join('.');
  if (head === '0.0.0.0.0.0.0.0.0.0.255.255') return `::ffff:${bytes.slice(12).join('.')}`;
  if (bytes.every((byte) => byte === 0)) return '::';
  if (bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return '::1';
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/(.{4})(?=.)/g, '$1:');
}
