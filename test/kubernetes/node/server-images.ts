import { inProject } from '../../../scripts/start/project.mjs';
import type { ServerKind } from '../../harness/resources';
import { type Image, writeImage } from './archive';
import { debianRoot } from './debian';

/** A server of the chart: the packages of Debian that it is in, and what its image has beside them. */
interface Server extends Partial<Image> {
  readonly packages: readonly string[];
}

const JAVA = '/usr/lib/jvm/java-17-openjdk-amd64/bin';
const KAFKA = '/opt/kafka';
const SYSTEM = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const path = (folder: string) => [`PATH=${folder}:${SYSTEM}`];

/** A program of Kafka, by the name that the chart starts it by. */
const kafka = (name: string, options: string) =>
  `#!/bin/sh\nexec ${JAVA}/java ${options} -cp '${KAFKA}/libs/*' ${name} "$@"\n`;

/** The servers as pods: from Debian, because this machine reaches no registry of images. */
const SERVERS: Readonly<Record<ServerKind, Server>> = {
  redis: { packages: ['redis-server'] },
  postgresql: { packages: ['postgresql-15'], env: path('/usr/lib/postgresql/15/bin') },
  rabbitmq: {
    packages: ['rabbitmq-server'],
    env: [...path('/usr/lib/rabbitmq/bin'), 'LANG=C.UTF-8'],
    // the package makes this link when it is installed
    texts: { '/usr/local/bin/awk': '#!/bin/sh\nexec mawk "$@"\n' },
  },
  mosquitto: { packages: ['mosquitto'] },
  kafka: {
    packages: ['openjdk-17-jre-headless'],
    files: { [`${KAFKA}/libs`]: inProject('.local', 'kafka-libraries') },
    env: path(`${KAFKA}/bin`),
    texts: {
      [`${KAFKA}/bin/kafka-storage.sh`]: kafka('kafka.tools.StorageTool', '-Xmx64m'),
      [`${KAFKA}/bin/kafka-server-start.sh`]: kafka(
        'kafka.Kafka',
        '$KAFKA_HEAP_OPTS -XX:+UseSerialGC -XX:TieredStopAtLevel=1',
      ),
    },
  },
};

/** The users with which the chart starts its servers. A server looks its own name up. */
const USERS = { root: 0, postgres: 999, kafka: 1000, mosquitto: 1883, nonroot: 65532 };
const lines = (line: (name: string, id: number) => string) =>
  Object.entries(USERS)
    .map(([name, id]) => `${line(name, id)}\n`)
    .join('');
const ACCOUNTS = {
  '/etc/passwd': lines((name, id) => `${name}:x:${id}:${id}::/data:/bin/sh`),
  '/etc/group': lines((name, id) => `${name}:x:${id}:`),
  '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
};

export const nameOfServer = (kind: ServerKind) => `cluster/${kind}:1`;

/** Writes the image of a server that the chart can start. */
export async function writeServerImage(kind: ServerKind): Promise<void> {
  const { packages, files = {}, texts = {}, env = [] } = SERVERS[kind];
  await writeImage({
    name: nameOfServer(kind),
    files: { '/': await debianRoot(kind, packages), ...files },
    texts: { ...ACCOUNTS, ...texts },
    writable: ['/tmp', '/data'],
    env,
  });
}
