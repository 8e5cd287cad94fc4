// @ts-check
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  HASHING,
  VHOST,
  hashOf,
  platformDefinitions,
  syncRabbitmqUsers,
} from '../../devices/rabbitmq-accounts.mjs';
import { findProgram } from '../commands.mjs';
import { exchange } from '../ports.mjs';
import { inProject } from '../project.mjs';

// The command that Debian puts on the PATH runs RabbitMQ as another user, in a folder of its own.
const PROGRAMS = ['/usr/lib/rabbitmq/bin/rabbitmq-server', '/opt/homebrew/sbin/rabbitmq-server'];

// The protocol header of AMQP 0-9-1. A broker responds with a method of class 10, connection.
const HELLO = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1');
const isStart = (/** @type {Buffer | undefined} */ frame) =>
  frame?.[0] === 1 && frame.readUInt16BE(7) === 10;

/**
 * Starts Erlang's name service, which a node needs, in the process group of the broker. The daemon that the
 * node would start itself would outlive every test.
 */
const RUN = `
names=$(command -v epmd || echo /usr/lib/erlang/erts-*/bin/epmd)
"$names" &
exec "$0"`;

/** The cookie of earlier versions. */
const KNOWN_COOKIE = 'only-on-this-machine';

// Paths in a container.
const ETC = '/etc/rabbitmq';
const DEFINITIONS = `${ETC}/definitions.json`;

/** The ports for MQTT and for the management API, which manages the accounts of devices. */
const MQTT_PORT = 1883;
const API_PORT = 15672;
const MQTT_PLUGINS = ['rabbitmq_management', 'rabbitmq_mqtt'];

/**
 * Above the 4 MiB that a sidecar sends and accepts. A larger message ends its publisher's connection; it
 * could not be delivered.
 */
const MESSAGE_BYTES = 4_500_000;
/** The size limit of an MQTT packet, above the 64 KiB of a device's message. */
const PACKET_BYTES = 256 * 1024;

/**
 * MQTT sessions never expire, as at other brokers. By default RabbitMQ deletes a session, with its waiting
 * messages, after a day. Newer versions have another name for this setting than older ones, and only newer
 * versions limit MQTT packets. advanced.config ignores unknown names, so all can be set there.
 */
const ADVANCED = `[{rabbitmq_mqtt, [
  {subscription_ttl, undefined},
  {max_session_expiry_interval_seconds, infinity},
  {max_packet_size_unauthenticated, ${PACKET_BYTES}},
  {max_packet_size_authenticated, ${PACKET_BYTES}}
]}].
`;

const MQTT_SETTINGS = `max_message_size = ${MESSAGE_BYTES}
mqtt.allow_anonymous = false
mqtt.vhost = ${VHOST}
`;

/** @param {string} block a folder of components @returns {any} its RabbitMQ definitions */
const definitionsFor = (block) =>
  JSON.parse(readFileSync(inProject('components', block, 'rabbitmq', 'definitions.json'), 'utf8'));

/** The account that manages the accounts of devices. */
const ADMIN = 'admin';

/**
 * The accounts for AMQP, without those of devices. A RabbitMQ that loads definitions does not create its
 * default user guest. One that was started before without accounts has it, so it is made useless here.
 * @param {Access | undefined} access
 */
function accounts(access) {
  const vhost = '/';
  if (!access) {
    return {
      users: [{ name: 'guest', password: 'guest', tags: 'administrator' }],
      permissions: [{ vhost, user: 'guest', configure: '.*', write: '.*', read: '.*' }],
    };
  }
  const { apps, passwordOf } = access;
  const user = (/** @type {string} */ name, tags = '') => ({
    ...{ name, tags, hashing_algorithm: HASHING },
    password_hash: hashOf(passwordOf(name)),
  });
  const nothing = { vhost, configure: '^$', write: '^$', read: '^$' };
  return {
    users: [user('guest'), user(ADMIN, 'administrator'), ...apps.map(({ name }) => user(name))],
    permissions: [
      { ...nothing, user: 'guest' },
      { ...nothing, user: ADMIN },
      ...permissionsOf(apps),
    ],
  };
}

/**
 * What the accounts of apps may do: publish to their exchanges, and declare, bind and read their queues.
 * @param {readonly import('../access.mjs').AppAccess[]} apps
 */
export const permissionsOf = (apps) =>
  apps.map(({ name, publishes, subscribes }) => {
    // A sidecar declares the exchange of each topic and its own queues.
    const queues = subscribes.map((topic) => `${name}-${topic}`);
    return {
      ...{ vhost: '/', user: name },
      configure: anyOf([...publishes, ...subscribes, ...queues]),
      // To bind a queue is to write to it, and to read the exchange.
      write: anyOf([...publishes, ...queues]),
      read: anyOf([...subscribes, ...queues]),
    };
  });

/** A pattern of exactly these names. @param {readonly string[]} names */
const anyOf = (names) => `^(${names.map((name) => name.replaceAll('.', '\\.')).join('|')})$`;

/**
 * The definitions to load: the topology of the bus and the accounts.
 * @param {Platform | undefined} platform
 * @param {Access | undefined} access
 */
function definitions(platform, access) {
  const bus = definitionsFor('bus');
  const own = { vhosts: [{ name: '/' }], ...accounts(access), ...bus };
  if (!platform) return JSON.stringify(own);
  const devices = definitionsFor('devices');
  const account = platformDefinitions(platform);
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
/** @typedef {import('../access.mjs').Access} Access */

/**
 * @param {Platform} [platform] the platform's account for MQTT; without it MQTT is off
 * @param {Access} [access] the other accounts; without them there is guest, which may do everything
 * @returns {import('../servers.mjs').DeviceBroker}
 */
export const rabbitmqFor = (platform, access) => ({
  name: platform ? 'RabbitMQ with MQTT' : 'RabbitMQ',
  program: 'rabbitmq-server',
  needs: 'RabbitMQ',
  aptPackages: ['rabbitmq-server'],
  // For clients, for its cluster, and for Erlang's name service.
  ports: [5672, 25672, 25673, ...(platform ? [MQTT_PORT, API_PORT] : [])],
  container: () => ({
    image: 'rabbitmq:3.13-management',
    port: 5672,
    morePorts: platform ? [MQTT_PORT, API_PORT] : [],
    files: {
      [DEFINITIONS]: definitions(platform, access),
      // In addition to the image's own file, which accepts guest from outside the container.
      [`${ETC}/conf.d/20-omnichannel.conf`]: `load_definitions = ${DEFINITIONS}\n${platform ? MQTT_SETTINGS : ''}`,
      ...(platform && {
        [`${ETC}/advanced.config`]: ADVANCED,
        [`${ETC}/enabled_plugins`]: `[${MQTT_PLUGINS.join(',')}].\n`,
      }),
    },
  }),
  responds: async (port) => isStart(await exchange(port, HELLO)),
  find: () => PROGRAMS.find((program) => existsSync(program)) ?? findProgram('rabbitmq-server'),
  plan: async (command, ports, dir) => {
    const [port, cluster, names, mqtt, api] = ports;
    const config = join(dir, 'rabbitmq.conf');
    const advanced = join(dir, 'advanced.config');
    const topics = join(dir, 'definitions.json');
    const plugins = join(dir, 'enabled_plugins');
    writeFileSync(topics, definitions(platform, access));
    writeFileSync(
      config,
      `load_definitions = ${topics}\nlog.console.level = warning\n${platform ? listening(mqtt, api) : ''}`,
    );
    writeFileSync(advanced, platform ? ADVANCED : '[].\n');
    writeFileSync(plugins, `[${platform ? MQTT_PLUGINS.join(',') : ''}].\n`);
    const home = join(dir, 'home');
    mkdirSync(home, { recursive: true });
    const cookie = join(home, '.erlang.cookie');
    // Who knows it can run programs as this user, by the port of the cluster.
    if (!existsSync(cookie) || readFileSync(cookie, 'utf8') === KNOWN_COOKIE) {
      rmSync(cookie, { force: true });
      writeFileSync(cookie, randomBytes(24).toString('hex'), { mode: 0o400 });
    }
    return {
      command: 'sh',
      args: ['-c', RUN, command],
      env: {
        HOME: home,
        // Two nodes with the same name on one machine conflict.
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
        // Without this its schedulers spin while they wait, on cores that the services need.
        // The last argument keeps the port of its cluster on loopback.
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
          '+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}',
      },
    };
  },
  devicePort: (ports) => ports[3],
  platformPort: (ports) => ports[3],
  setAccounts: async (accounts, { ports }) => {
    await syncRabbitmqUsers(apiOf(ports, access), accounts);
  },
  clientEnv: (app) => ({
    RABBITMQ_USERNAME: app,
    RABBITMQ_PASSWORD: access?.passwordOf(app) ?? '',
  }),
});

/** @param {number | undefined} mqtt @param {number | undefined} api */
const listening = (mqtt, api) => `${MQTT_SETTINGS}mqtt.listeners.tcp.local = 127.0.0.1:${mqtt}
management.tcp.ip = 127.0.0.1
management.tcp.port = ${api}
# No one looks at the management metrics here.
management_agent.disable_metrics_collector = true
`;

/**
 * The URL of its management API, with an administrator.
 * @param {readonly number[]} ports
 * @param {Access} [access]
 */
function apiOf(ports, access) {
  const account = access ? `${ADMIN}:${access.passwordOf(ADMIN)}` : 'guest:guest';
  return `http://${account}@127.0.0.1:${ports[4]}`;
}

export const rabbitmq = rabbitmqFor();
