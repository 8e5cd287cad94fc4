// @ts-check
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, lastLines, run } from '../commands.mjs';
import { exchange } from '../ports.mjs';
import { UserError } from '../user-error.mjs';

// Debian does not put PostgreSQL's programs on the PATH.
const VERSIONS = '/usr/lib/postgresql';

/** The user and the database that components/state/postgresql names. */
const NAME = 'omnichannel';

// The startup message of protocol 3.0 for that user.
const PARAMETERS = `user\0${NAME}\0\0`;
const START = Buffer.concat([
  Buffer.from([0, 0, 0, 8 + PARAMETERS.length, 0, 3, 0, 0]),
  Buffer.from(PARAMETERS),
]);
const NOT_READY_YET = '57P03';

/** @type {import('../servers.mjs').Server} */
export const postgresql = {
  name: 'PostgreSQL',
  program: 'postgresql',
  needs: 'PostgreSQL',
  aptPackages: ['postgresql'],
  ports: [5432],
  container: () => ({
    image: 'postgres:16',
    port: 5432,
    env: { POSTGRES_USER: NAME, POSTGRES_HOST_AUTH_METHOD: 'trust' },
  }),
  responds: async (port) => {
    const response = (await exchange(port, START))?.toString();
    // an authentication request, or an error
    return response !== undefined && /^[RE]/.test(response) && !response.includes(NOT_READY_YET);
  },
  find: () => newestOfDebian() ?? findProgram('postgres'),
  plan: async (program, [port], dir) => {
    const data = join(dir, 'data');
    const prefix = await nonRootPrefix();
    const [command = '', ...args] = [...prefix, program];
    if (!existsSync(join(data, 'PG_VERSION'))) {
      await initialise([...prefix, program.replace(/postgres$/, 'initdb')], data);
      // A database with the name of its user, as every client expects.
      const create = `echo "CREATE DATABASE ${NAME}" | exec "$@" --single -D "$DATA" postgres`;
      await mustRun('sh', ['-c', create, 'sh', command, ...args], { ...process.env, DATA: data });
    }
    return {
      command,
      args: [
        ...[...args, '-D', data, '-p', String(port)],
        // No Unix socket: its default folder belongs to another user.
        ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
      ],
    };
  },
};

function newestOfDebian() {
  if (!existsSync(VERSIONS)) return undefined;
  return readdirSync(VERSIONS)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(VERSIONS, version, 'bin', 'postgres'))
    .find((program) => existsSync(program));
}

/**
 * The prefix of a command of PostgreSQL, which refuses to run as root. In a user namespace of its own,
 * root is an ordinary user that still owns its files.
 */
async function nonRootPrefix() {
  if (process.getuid?.() !== 0) return [];
  const { code } = await run('unshare', ['--user', 'true']);
  if (code === 0) return ['unshare', '--user'];
  throw new UserError(
    'PostgreSQL does not run as root: run this command as another user, or start PostgreSQL yourself.',
  );
}

/** @param {string[]} initdb @param {string} data */
async function initialise([command = '', ...args], data) {
  // Every client on this machine is trusted, as by the other servers.
  const trust = ['-U', NAME, '-A', 'trust', '-E', 'UTF8', '--no-instructions'];
  await mustRun(command, [...args, '-D', data, ...trust]);
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
async function mustRun(command, args, env = process.env) {
  const { code, output } = await run(command, args, { env });
  if (code !== 0) {
    throw new UserError(
      'PostgreSQL cannot initialise its data folder: see above.',
      lastLines(output, 5),
    );
  }
}
