// @ts-check
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, run } from '../commands.mjs';
import { exchange } from '../ports.mjs';

/**
 * An event that the broker has acknowledged must be on its disk. With `everysec` the last second is not,
 * and two seconds while the disk is busy; they are only in the process, so an accepted order would be lost
 * with it. `always` costs a publish 0.2 ms.
 */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];

/** The account that trims topics: see trim.mjs. */
export const TRIMMER = 'trim';

// In a container.
const ACL_FILE = '/users.acl';

const CONNECT = '+ping +hello +auth +info +select +client|setname +client|id';
const PUBLISH = '+xadd';
const SUBSCRIBE = '+xgroup|create +xreadgroup +xack +xpending +xclaim';
const STORE =
  '+get +set +del +hget +hgetall +hset +hincrby +expire +persist +eval +multi +exec +wait';
const TRIM = '+scan +eval +type +xlen +xinfo +xpending +xtrim';

/**
 * The accounts: an app may publish and read its topics, and its documents. Before version 7 an account has one
 * list of commands for all its keys, so there an app may also publish what it subscribes to.
 * @param {import('../access.mjs').Access} access
 * @param {boolean} selectors whether this Redis has lists of keys with their own commands
 */
export function aclFile({ apps, passwordOf }, selectors) {
  const users = apps.map(({ name, publishes, subscribes }) => {
    const rights = /** @type {const} */ ([
      [PUBLISH, publishes],
      [SUBSCRIBE, subscribes],
      [STORE, [`${name}||*`]],
    ]).filter(([, keys]) => keys.length > 0);
    const parts = rights.map(
      ([commands, keys]) => `${commands} ${keys.map((key) => `~${key}`).join(' ')}`,
    );
    const all = selectors ? parts.map((part) => `(-@all ${part})`) : parts;
    return user(name, `${CONNECT} ${all.join(' ')}`);
  });
  /** @param {string} name @param {string} rights */
  function user(name, rights) {
    return `user ${name} reset on >${passwordOf(name)} -@all ${rights}\n`;
  }
  return ['user default off\n', user(TRIMMER, `${CONNECT} ${TRIM} ~*`), ...users].join('');
}

/**
 * @param {import('../access.mjs').Access} [access]
 * @returns {import('../servers.mjs').Server}
 */
export const redisFor = (access) => ({
  name: 'Redis',
  program: 'redis-server',
  needs: 'redis-server',
  aptPackages: ['redis-server'],
  ports: [6379],
  container: () => ({
    image: 'redis:7',
    port: 6379,
    // Without accounts every client that reaches the port that Docker opens on this machine is trusted.
    command: [
      ...['redis-server', '--protected-mode', 'no', ...DURABLE],
      ...(access ? ['--aclfile', ACL_FILE] : []),
    ],
    ...(access && { files: { [ACL_FILE]: aclFile(access, true) } }),
  }),
  // A Redis that requires a password counts too; daprd will report the missing password.
  responds: async (port) =>
    /^(\+PONG|-NOAUTH)/.test((await exchange(port, Buffer.from('PING\r\n')))?.toString() ?? ''),
  find: () => findProgram('redis-server'),
  plan: async (command, [port], dir) => {
    const accounts = [];
    if (access) {
      const { output } = await run(command, ['--version']);
      const file = join(dir, 'users.acl');
      writeFileSync(file, aclFile(access, Number(/v=(\d+)/.exec(output)?.[1]) >= 7));
      accounts.push('--aclfile', file);
    }
    return {
      command,
      args: [
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--daemonize', 'no'],
        ...DURABLE,
        ...accounts,
      ],
    };
  },
  clientEnv: (app) => ({
    REDIS_USERNAME: app,
    REDIS_PASSWORD: access?.passwordOf(app) ?? '',
  }),
});

export const redis = redisFor();
