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
import { findProgram, lastLines, run, saysNoNetwork } from '../commands.mjs';
import { Fault } from '../fault.mjs';
import { ask } from '../ports.mjs';
import { inProject, localDir } from '../project.mjs';

const POM = inProject('runtime', 'kafka', 'pom.xml');
const LIBRARIES = join(localDir, 'kafka-libraries');
const STAMP = join(LIBRARIES, 'pom.xml');
const CLASSES = join(LIBRARIES, '*');

// ApiVersions, version 0, correlation id 1, client id "start"
const API_VERSIONS = Buffer.from(
  '\x00\x00\x00\x0f\x00\x12\x00\x00\x00\x00\x00\x01\x00\x05start',
  'latin1',
);

const hasLibraries = () =>
  existsSync(STAMP) && readFileSync(STAMP, 'utf8') === readFileSync(POM, 'utf8');

/** @type {import('../servers.mjs').Server} */
export const kafka = {
  name: 'Kafka',
  program: 'kafka',
  needs: 'Java 17 and Maven',
  aptPackages: ['default-jre-headless', 'maven'],
  // its own, and that of its controller
  ports: [9092, 9093],
  container: (front) => ({
    ...{ image: 'apache/kafka:4.1.1', port: 9092 },
    env: asEnv({
      ...settings(front),
      // the image's own start asks for voters; the two ports are those inside of the container
      listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093',
      'controller.quorum.voters': '1@localhost:9093',
    }),
  }),
  answers: async (port) => (await ask(port, API_VERSIONS))?.readUInt32BE(4) === 1,
  find: () => (hasLibraries() ? findProgram('java') : undefined),
  install,
  plan: async (command, [port = 0, controller = 0], dir, front) => {
    const data = join(dir, 'data');
    const file = join(dir, 'server.properties');
    writeFileSync(
      file,
      properties({
        ...settings(front),
        listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
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
      if (code !== 0) throw new Fault('Kafka cannot set up its folder:', lastLines(output, 5));
    }
    return {
      command,
      args: [
        ...['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
        ...['-cp', CLASSES, 'kafka.Kafka', file],
      ],
    };
  },
};

/** @param {number} front the port by which clients reach it */
const settings = (front) => ({
  'process.roles': 'broker,controller',
  'node.id': 1,
  'advertised.listeners': `PLAINTEXT://127.0.0.1:${front}`,
  'controller.listener.names': 'CONTROLLER',
  // one node: there is nobody to copy to
  'offsets.topic.replication.factor': 1,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  // as many of one kind of event are handled at once; see components/bus/kafka
  'num.partitions': 16,
  // each would be files of its own
  'offsets.topic.num.partitions': 1,
  // as much as a sidecar takes
  'message.max.bytes': 4_500_000,
  // what a killed one had open is read through at its start, partition by partition: the disk can take it
  'num.recovery.threads.per.data.dir': 4,
  // nobody else joins a group at its beginning
  'group.initial.rebalance.delay.ms': 0,
});

/**
 * As the image's start takes them: KAFKA_NUM_PARTITIONS for num.partitions.
 * @param {Record<string, string | number>} values
 */
const asEnv = (values) =>
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
 * @returns {Promise<boolean>} false where Java or Maven is missing
 */
async function install(terminal) {
  if (!findProgram('java') || !findProgram('mvn')) return false;
  await terminal.during(
    ['Kafka', 'getting Kafka with Maven'],
    async (step) => {
      // under a name that nobody uses, so that an interrupted copy is never taken for a whole one
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
        throw new Fault(
          saysNoNetwork(output)
            ? 'Kafka cannot be downloaded: check the network.'
            : 'Kafka cannot be installed with Maven: see above.',
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
