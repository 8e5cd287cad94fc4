// @ts-check
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VHOST, admitAtRabbitmq, platformAt } from '../../devices/rabbitmq-accounts.mjs';
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

// Where they are in a container.
const ETC = '/etc/rabbitmq';
const DEFINITIONS = `${ETC}/definitions.json`;

/** For MQTT, and for the API that accounts of devices are told to. */
const MQTT_PORT = 1883;
const API_PORT = 15672;
const MQTT_PLUGINS = ['rabbitmq_management', 'rabbitmq_mqtt'];

/**
 * The sessions of MQTT, with what waits in them, last until they are ended, as at other brokers; by
 * default a broker forgets one after a day. Its newer versions have another word for it, which the
 * older do not know, nor the newer the older: only here is what is not known passed over.
 */
const SESSIONS_LAST =
  '[{rabbitmq_mqtt, [{subscription_ttl, undefined}, {max_session_expiry_interval_seconds, infinity}]}].\n';

const MQTT_SETTINGS = `mqtt.allow_anonymous = false
mqtt.vhost = ${VHOST}
`;

/** @param {string} block of components @returns {any} what RabbitMQ has to know for it */
const definitionsFor = (block) =>
  JSON.parse(readFileSync(inProject('components', block, 'rabbitmq', 'definitions.json'), 'utf8'));

/**
 * What it has to know of the services, and whom it lets in: without definitions that is its guest.
 * @param {Platform | undefined} platform
 */
function definitions(platform) {
  const bus = definitionsFor('bus');
  const own = {
    vhosts: [{ name: '/' }],
    users: [{ name: 'guest', password: 'guest', tags: 'administrator' }],
    permissions: [{ vhost: '/', user: 'guest', configure: '.*', write: '.*', read: '.*' }],
    ...bus,
  };
  if (!platform) return JSON.stringify(own);
  const devices = definitionsFor('devices');
  const account = platformAt(platform);
  return JSON.stringify({
    ...own,
    vhosts: [...own.vhosts, ...devices.vhosts],
    users: [...own.users, ...account.users],
    permissions: [...own.permissions, ...account.permissions],
    topic_permissions: account.topic_permissions,
    policies: [...bus.policies, ...devices.policies],
  });
}

/** @typedef {import('../accounts.mjs').Platform} Platform */

/**
 * @param {Platform} [platform] its account at the MQTT of this RabbitMQ, which has none without it
 * @returns {import('../servers.mjs').DeviceBroker}
 */
export const rabbitmqFor = (platform) => ({
  name: platform ? 'RabbitMQ with MQTT' : 'RabbitMQ',
  program: 'rabbitmq-server',
  needs: 'RabbitMQ',
  aptPackages: ['rabbitmq-server'],
  // its own, that of its cluster, and that of Erlang's name service
  ports: [5672, 25672, 25673, ...(platform ? [MQTT_PORT, API_PORT] : [])],
  container: () => ({
    ...{ image: 'rabbitmq:3.13-management', port: 5672 },
    morePorts: platform ? [MQTT_PORT, API_PORT] : [],
    files: {
      [DEFINITIONS]: definitions(platform),
      // beside the image's own, which lets its guest in from outside of the container
      [`${ETC}/conf.d/20-omnichannel.conf`]: `load_definitions = ${DEFINITIONS}\n${platform ? MQTT_SETTINGS : ''}`,
      ...(platform && {
        [`${ETC}/advanced.config`]: SESSIONS_LAST,
        [`${ETC}/enabled_plugins`]: `[${MQTT_PLUGINS.join(',')}].\n`,
      }),
    },
  }),
  answers: async (port) => isStart(await ask(port, HELLO)),
  find: () => PROGRAMS.find((program) => existsSync(program)) ?? findProgram('rabbitmq-server'),
  plan: async (command, ports, dir) => {
    const [port, cluster, names, mqtt, api] = ports;
    const config = join(dir, 'rabbitmq.conf');
    const advanced = join(dir, 'advanced.config');
    const topics = join(dir, 'definitions.json');
    const plugins = join(dir, 'enabled_plugins');
    writeFileSync(topics, definitions(platform));
    writeFileSync(
      config,
      `load_definitions = ${topics}\nlog.console.level = warning\n${platform ? listening(mqtt, api) : ''}`,
    );
    writeFileSync(advanced, platform ? SESSIONS_LAST : '[].\n');
    writeFileSync(plugins, `[${platform ? MQTT_PLUGINS.join(',') : ''}].\n`);
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
        RABBITMQ_ADVANCED_CONFIG_FILE: advanced,
        RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
        RABBITMQ_PID_FILE: join(dir, 'rabbitmq.pid'),
        // its schedulers would spin while they wait, on cores that the services need
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+sbwt none +sbwtdcpu none +sbwtdio none',
      },
    };
  },
  devicePort: (ports) => ports[3],
  admit: async (accounts, { ports }) => {
    await admitAtRabbitmq(apiOf(ports), accounts);
  },
});

/** @param {number | undefined} mqtt @param {number | undefined} api */
const listening = (mqtt, api) => `${MQTT_SETTINGS}mqtt.listeners.tcp.local = 127.0.0.1:${mqtt}
management.tcp.ip = 127.0.0.1
management.tcp.port = ${api}
# nobody looks at figures here
management_agent.disable_metrics_collector = true
`;

/**
 * Where its accounts are told to.
 * @param {readonly number[]} ports
 */
export const apiOf = (ports) => `http://guest:guest@127.0.0.1:${ports[4]}`;

export const rabbitmq = rabbitmqFor();
