// @ts-check
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { findProgram, lastLines, run, isNetworkFailure } from '../commands.mjs';
import { ownEnv } from '../environment.mjs';
import { exchange } from '../ports.mjs';
import { inProject, localDir } from '../project.mjs';
import { UserError } from '../user-error.mjs';

const POM = inProject('runtime', 'kafka', 'pom.xml');
const LIBRARIES = join(localDir, 'kafka-libraries');
const STAMP = join(LIBRARIES, 'pom.xml');
const CLASSES = join(LIBRARIES, '*');
const GRANT = inProject('scripts', 'start', 'servers', 'kafka-grant.mjs');

// The request ApiVersions, version 0, correlation id 1, client id "start".
const API_VERSIONS = Buffer.from(
  '\x00\x00\x00\x0f\x00\x12\x00\x00\x00\x00\x00\x01\x00\x05start',
  'latin1',
);

const hasLibraries = () =>
  existsSync(STAMP) && readFileSync(STAMP, 'utf8') === readFileSync(POM, 'utf8');

/** @typedef {import('../access.mjs').Access} Access */

/** The account of the broker itself, which grants the others their rights. */
const BROKER = 'broker';
/** The name of the listener for clients. @param {Access | undefined} access */
const clients = (access) => (access ? 'CLIENTS' : 'PLAINTEXT');

/**
 * @param {Access} [access] without it every client on this machine is trusted
 * @returns {import('../servers.mjs').Server}
 */
export const kafkaFor = (access) => ({
  name: 'Kafka',
  program: 'kafka',
  needs: 'Java 17 and Maven',
  aptPackages: ['default-jre-headless', 'maven'],
  // For clients and for its controller.
  ports: [9092, 9093],
  container: (clientPort) => {
    const all = Object.entries(
      toEnv({
        ...settings(clientPort, access),
        // The start script of the image requires voters. The two ports are those inside the container.
        listeners: `${clients(access)}://:9092,CONTROLLER://:9093`,
        'controller.quorum.voters': '1@localhost:9093',
      }),
    );
    const isSecret = (/** @type {[string, string]} */ [name]) => name.endsWith('JAAS_CONFIG');
    return {
      image: 'apache/kafka:4.1.1',
      port: 9092,
      env: Object.fromEntries(all.filter((it) => !isSecret(it))),
      secretEnv: Object.fromEntries(all.filter(isSecret)),
    };
  },
  responds: async (port) => (await exchange(port, API_VERSIONS))?.readUInt32BE(4) === 1,
  find: () => (hasLibraries() ? findProgram('java') : undefined),
  install,
  plan: async (command, [port = 0, controller = 0], dir, clientPort) => {
    const data = join(dir, 'data');
    const file = join(dir, 'server.properties');
    writeFileSync(
      file,
      properties({
        ...settings(clientPort, access),
        listeners: `${clients(access)}://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
        'controller.quorum.bootstrap.servers': `127.0.0.1:${controller}`,
        'log.dirs': data,
      }),
    );
    if (!existsSync(join(data, 'meta.properties'))) {
      mkdirSync(data, { recursive: true });
      const format = ['format', '--standalone', '-t', 'b21uaWNoYW5uZWwta2Fma2', '-c', file];
      const { code, output } = await run(command, [
        ...['-cp', CLASSES, 'kafka.tools.StorageTool'],
        ...format,
      ]);
      if (code !== 0) {
        throw new UserError(
          'Kafka cannot format its data folder: see above.',
          lastLines(output, 5),
        );
      }
    }
    return {
      command,
      args: [
        ...['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
        ...['-cp', CLASSES, 'kafka.Kafka', file],
      ],
    };
  },
  ...(access && { setUp: ([port = 0]) => grant(access, port) }),
  clientEnv: (app) => ({ KAFKA_USERNAME: app, KAFKA_PASSWORD: access?.passwordOf(app) ?? '' }),
  // The component names the way of authentication, which is not secret.
  secure: (component) =>
    component.replace(
      /(- name: authType\n\s*value: )none\n/,
      (_, before) =>
        `${before}password\n    - name: saslMechanism\n      value: PLAINTEXT\n    - name: disableTls\n      value: 'true'\n`,
    ),
});

export const kafka = kafkaFor();

/**
 * Grants each app its topics and its consumer group. Every start grants the same again.
 * @param {Access} access
 * @param {number} port
 */
async function grant({ apps, passwordOf }, port) {
  const { code, output } = await run('node', [GRANT], {
    env: {
      ...ownEnv(),
      BROKER: `127.0.0.1:${port}`,
      ACCOUNT: BROKER,
      PASSWORD: passwordOf(BROKER),
      APPS: JSON.stringify(apps),
    },
  });
  if (code !== 0) {
    throw new UserError('Kafka does not accept the rights of the apps.', lastLines(output, 5));
  }
}

/**
 * The accounts, for the listeners of clients and of the controller.
 * @param {Access} access
 */
function accounts({ apps, passwordOf }) {
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
  const names = [BROKER, ...apps.map(({ name }) => name)];
  const users = (/** @type {readonly string[]} */ of) =>
    of.map((name) => `user_${name}="${passwordOf(name)}"`).join(' ');
  const own = `username="${BROKER}" password="${passwordOf(BROKER)}"`;
  return {
    'listener.security.protocol.map': 'CLIENTS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT',
    'inter.broker.listener.name': 'CLIENTS',
    'sasl.enabled.mechanisms': 'PLAIN',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'sasl.mechanism.controller.protocol': 'PLAIN',
    'listener.name.clients.plain.sasl.jaas.config': `${login} ${own} ${users(names)};`,
    'listener.name.controller.plain.sasl.jaas.config': `${login} ${own} ${users([BROKER])};`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': `User:${BROKER}`,
  };
}

/**
 * @param {number} clientPort the port by which clients reach it
 * @param {Access | undefined} access
 */
const settings = (clientPort, access) => ({
  ...(access && accounts(access)),
  'process.roles': 'broker,controller',
  'node.id': 1,
  'advertised.listeners': `${clients(access)}://127.0.0.1:${clientPort}`,
  'controller.listener.names': 'CONTROLLER',
  // A single node has no other node to replicate to.
  'offsets.topic.replication.factor': 1,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  // The number of events of one type that are handled concurrently; see components/bus/kafka.
  'num.partitions': 16,
  // Each partition has files of its own.
  'offsets.topic.num.partitions': 1,
  // More than the largest message that a sidecar accepts.
  'message.max.bytes': 4_500_000,
  // After a kill, Kafka reads every partition that was open when it starts: four at a time.
  'num.recovery.threads.per.data.dir': 4,
  // Do not wait for further members when a consumer group is created.
  'group.initial.rebalance.delay.ms': 0,
});

/**
 * Settings as environment variables of the image: KAFKA_NUM_PARTITIONS for num.partitions.
 * @param {Record<string, string | number>} values
 */
const toEnv = (values) =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      `KAFKA_${key.toUpperCase().replaceAll('.', '_')}`,
      String(value),
    ]),
  );

/** @param {Record<string, string | number>} values */
const properties = (values) =>
  Object.entries(values)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');

/**
 * @param {import('../terminal.mjs').Terminal} terminal
 * @returns {Promise<boolean>} false if Java or Maven is missing
 */
async function install(terminal) {
  if (!findProgram('java') || !findProgram('mvn')) return false;
  await terminal.runStep(
    ['Kafka', 'downloading Kafka with Maven'],
    async (step) => {
      // Copied under another name, so that an interrupted copy is never mistaken for a complete one.
      const unfinished = `${LIBRARIES}.${process.pid}.unfinished`;
      const { code, output } = await run(
        'mvn',
        [
          ...['-B', '-ntp', '-f', POM, 'dependency:copy-dependencies'],
          `-DoutputDirectory=${unfinished}`,
        ],
        { onLine: (line) => step.note(line.slice(0, 60)) },
      );
      if (code !== 0) {
        throw new UserError(
          isNetworkFailure(output)
            ? 'Kafka cannot be downloaded: check the network.'
            : 'Kafka cannot be installed with Maven: see its output above.',
          lastLines(output, 5),
        );
      }
      copyFileSync(POM, join(unfinished, 'pom.xml'));
      rmSync(LIBRARIES, { recursive: true, force: true });
      renameSync(unfinished, LIBRARIES);
    },
    () => 'installed',
  );
  return true;
}
