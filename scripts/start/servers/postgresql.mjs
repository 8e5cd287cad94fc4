// @ts-check
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, lastLines, run } from '../commands.mjs';
import { Fault } from '../fault.mjs';
import { ask } from '../ports.mjs';

// Debian puts none of its programs on the PATH
const VERSIONS = '/usr/lib/postgresql';

/** The user and the database that components/state/postgresql names. */
const NAME = 'omnichannel';

// a start message of protocol 3.0 for that user
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
    ...{ image: 'postgres:16', port: 5432 },
    env: { POSTGRES_USER: NAME, POSTGRES_HOST_AUTH_METHOD: 'trust' },
  }),
  answers: async (port) => {
    const answer = (await ask(port, START))?.toString();
    return answer !== undefined && /^[RE]/.test(answer) && !answer.includes(NOT_READY_YET);
  },
  find: () => newest() ?? findProgram('postgres'),
  plan: async (program, [port], dir) => {
    const data = join(dir, 'data');
    const asUser = await withoutRoot();
    const [command = '', ...args] = [...asUser, program];
    if (!existsSync(join(data, 'PG_VERSION'))) {
      await setUp([...asUser, program.replace(/postgres$/, 'initdb')], data);
      // a database named like its user, as every client expects it
      const create = `echo "CREATE DATABASE ${NAME}" | exec "$@" --single -D "$DATA" postgres`;
      await must('sh', ['-c', create, 'sh', command, ...args], { ...process.env, DATA: data });
    }
    return {
      command,
      args: [
        ...[...args, '-D', data, '-p', String(port)],
        // no socket in a folder that another user owns
        ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
      ],
    };
  },
};

function newest() {
  if (!existsSync(VERSIONS)) return undefined;
  return readdirSync(VERSIONS)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(VERSIONS, version, 'bin', 'postgres'))
    .find((program) => existsSync(program));
}

/**
 * What to put before a command of PostgreSQL, which refuses to run as root: in a name space of its
 * own root is nobody, and still owns its files.
 */
async function withoutRoot() {
  if (process.getuid?.() !== 0) return [];
  const { code } = await run('unshare', ['--user', 'true']);
  if (code === 0) return ['unshare', '--user'];
  throw new Fault(
    'PostgreSQL does not run as root: start this as another user, or start a PostgreSQL yourself.',
  );
}

/** @param {string[]} initdb @param {string} data */
async function setUp([command = '', ...args], data) {
  // whoever reaches the port of this machine may come in, as with the other servers
  const trust = ['-U', NAME, '-A', 'trust', '-E', 'UTF8', '--no-instructions'];
  await must(command, [...args, '-D', data, ...trust]);
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
async function must(command, args, env = process.env) {
  const { code, output } = await run(command, args, { env });
  if (code !== 0) throw new Fault('PostgreSQL cannot set up its folder:', lastLines(output, 5));
}
