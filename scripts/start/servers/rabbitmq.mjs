// @ts-check
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../commands.mjs';
import { ask } from '../ports.mjs';
import { inProject } from '../project.mjs';

// what Debian puts on the PATH runs it as another user, in a folder of its own
const PROGRAMS = ['/usr/lib/rabbitmq/bin/rabbitmq-server', '/opt/homebrew/sbin/rabbitmq-server'];

// the header of AMQP 0-9-1, which a broker answers with a method of class 10, connection
const HELLO = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1');
const isStart = (/** @type {Buffer | undefined} */ frame) =>
  frame?.[0] === 1 && frame.readUInt16BE(7) === 10;

/**
 * The name service of Erlang, which a node cannot do without, in the process group of its broker: as
 * the daemon that it would start by itself it would outlive every test.
 */
const RUN = `
names=$(command -v epmd || echo /usr/lib/erlang/erts-*/bin/epmd)
"$names" &
exec "$0"`;

/** Where they are in a container. */
const DEFINITIONS = '/etc/rabbitmq/definitions.json';

/** What it has to know of the services, and whom it lets in: without definitions that is its guest. */
function definitions() {
  const file = inProject('components', 'bus', 'rabbitmq', 'definitions.json');
  const all = { vhost: '/', user: 'guest', configure: '.*', write: '.*', read: '.*' };
  return JSON.stringify({
    vhosts: [{ name: '/' }],
    users: [{ name: 'guest', password: 'guest', tags: 'administrator' }],
    permissions: [all],
    ...JSON.parse(readFileSync(file, 'utf8')),
  });
}

/** @type {import('../servers.mjs').Server} */
export const rabbitmq = {
  name: 'RabbitMQ',
  program: 'rabbitmq-server',
  needs: 'RabbitMQ',
  aptPackages: ['rabbitmq-server'],
  // its own, that of its cluster, and that of Erlang's name service
  ports: [5672, 25672, 25673],
  container: () => ({
    ...{ image: 'rabbitmq:3.13-management', port: 5672 },
    files: {
      [DEFINITIONS]: definitions(),
      // beside the image's own, which lets its guest in from outside of the container
      '/etc/rabbitmq/conf.d/20-omnichannel.conf': `load_definitions = ${DEFINITIONS}\n`,
    },
  }),
  answers: async (port) => isStart(await ask(port, HELLO)),
  find: () => PROGRAMS.find((program) => existsSync(program)) ?? findProgram('rabbitmq-server'),
  plan: async (command, [port, cluster, names], dir) => {
    const config = join(dir, 'rabbitmq.conf');
    const topics = join(dir, 'definitions.json');
    writeFileSync(topics, definitions());
    writeFileSync(config, `load_definitions = ${topics}\nlog.console.level = warning\n`);
    writeFileSync(join(dir, 'enabled_plugins'), '[].\n');
    const home = join(dir, 'home');
    mkdirSync(home, { recursive: true });
    const cookie = join(home, '.erlang.cookie');
    if (!existsSync(cookie)) writeFileSync(cookie, 'only-on-this-machine', { mode: 0o400 });
    return {
      command: 'sh',
      args: ['-c', RUN, command],
      env: {
        HOME: home,
        // a name of its own: two nodes of one name on one machine refuse each other
        RABBITMQ_NODENAME: `omnichannel${port}@localhost`,
        RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
        RABBITMQ_NODE_PORT: String(port),
        RABBITMQ_DIST_PORT: String(cluster),
        ERL_EPMD_PORT: String(names),
        ERL_EPMD_ADDRESS: '127.0.0.1',
        RABBITMQ_MNESIA_BASE: join(dir, 'mnesia'),
        RABBITMQ_LOG_BASE: join(dir, 'log'),
        RABBITMQ_LOGS: '-',
        RABBITMQ_CONFIG_FILE: config,
        RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
        RABBITMQ_PID_FILE: join(dir, 'rabbitmq.pid'),
        // its schedulers would spin while they wait, on cores that the services need
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none +sbwtdcpu none +sbwtdio none',
      },
    };
  },
};
