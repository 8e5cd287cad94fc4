// @ts-check
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
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

/** The account that owns the server. Without a password nobody can sign in as it. */
const OWNER = 'postgres';
/** What a client must show: its password, or nothing. */
const authentication = (/** @type {Access | undefined} */ access) =>
  access ? 'scram-sha-256' : 'trust';

/** @typedef {import('../access.mjs').Access} Access */

/**
 * @param {Access} [access] without it every client on this machine is trusted
 * @returns {import('../servers.mjs').Server}
 */
export const postgresqlFor = (access) => ({
  name: 'PostgreSQL',
  program: 'postgresql',
  needs: 'PostgreSQL',
  aptPackages: ['postgresql'],
  ports: [5432],
  container: () => ({
    image: 'postgres:16',
    port: 5432,
    env: access
      ? { POSTGRES_USER: OWNER }
      : { POSTGRES_USER: NAME, POSTGRES_HOST_AUTH_METHOD: 'trust' },
    ...(access && {
      secretEnv: { POSTGRES_PASSWORD: access.passwordOf(OWNER) },
      files: { '/docker-entrypoint-initdb.d/accounts.sql': accounts(access).join('\n') },
    }),
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
    const single = (/** @type {string} */ sql) =>
      mustRun(
        'sh',
        [
          '-c',
          'printf "%s\\n" "$SQL" | exec "$@"',
          'sh',
          command,
          ...args,
          '--single',
          '-D',
          data,
          'postgres',
        ],
        {
          ...process.env,
          SQL: sql,
        },
      );
    const isNew = !existsSync(join(data, 'PG_VERSION'));
    if (isNew) {
      const owner = access ? OWNER : NAME;
      await initialise([...prefix, program.replace(/postgres$/, 'initdb')], data, owner);
      // A database with the name of its user, as every client expects.
      await single(access ? accounts(access).join('\n') : `CREATE DATABASE ${NAME}`);
    } else if (access) {
      // Data of an earlier version has another password, or none.
      await single(`ALTER ROLE ${NAME} PASSWORD '${access.passwordOf(NAME)}'`);
    }
    const clients = authentication(access);
    writeFileSync(join(data, 'pg_hba.conf'), `host all all 127.0.0.1/32 ${clients}\n`);
    return {
      command,
      args: [
        ...[...args, '-D', data, '-p', String(port)],
        // No Unix socket: its default folder belongs to another user.
        ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
      ],
    };
  },
  clientEnv: () => ({ POSTGRES_PASSWORD: access?.passwordOf(NAME) ?? '' }),
});

export const postgresql = postgresqlFor();

/** Its only account for clients owns one database, and nothing else. @param {Access} access */
const accounts = ({ passwordOf }) => [
  `CREATE ROLE ${NAME} LOGIN PASSWORD '${passwordOf(NAME)}';`,
  `CREATE DATABASE ${NAME} OWNER ${NAME};`,
];

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

/** @param {string[]} initdb @param {string} data @param {string} owner */
async function initialise([command = '', ...args], data, owner) {
  // Who may connect is written to pg_hba.conf at every start.
  const options = ['-U', owner, '-A', 'trust', '-E', 'UTF8', '--no-instructions'];
  await mustRun(command, [...args, '-D', data, ...options]);
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
