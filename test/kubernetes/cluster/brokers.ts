import { z } from 'zod';
import type { BrokerLog } from '../../harness/bus/broker-log';
import { RabbitLog } from '../../harness/bus/rabbit-log';
import { RedisLog } from '../../harness/bus/redis-log';
import type { Bus } from '../../harness/transports';
import { SERVER_IMAGES } from '../node/platform-images';
import { apply, createNamespace, execute, get, kubectl, pods } from './cluster';
import { NAMESPACE, RELEASE, RESTRICTED } from './release';

// A broker outside of the release, as an operator has one: with accounts that the test knows.

const SERVERS = 'servers';
const REDIS = 6379;
/** The account of the platform, and that of the administrator who reads the ledger. */
const PLATFORM = { username: 'platform', password: 'first-password-of-the-platform' };
const ADMIN_PASSWORD = 'only-for-the-ledger-of-a-test';
const SECRET = 'bus';

/** The values with which the release uses the broker of the test, and how its log is read. */
export interface TestBroker {
  readonly values: Readonly<Record<string, unknown>>;
  readonly log: () => Promise<BrokerLog>;
}

/** A broker for a ledger. Starts it where it is no part of the release. */
export async function testBroker(bus: Bus): Promise<TestBroker> {
  if (bus === 'rabbitmq') return { values: { bus: { kind: bus } }, log: rabbitLog };
  if (bus === 'redis') return externalRedis();
  throw new Error(`the ledger of ${bus} cannot be read in a cluster yet`);
}

async function externalRedis(): Promise<TestBroker> {
  await createNamespace(SERVERS);
  await createNamespace(NAMESPACE, RESTRICTED);
  await apply(...redisObjects());
  await kubectl(['rollout', 'status', 'statefulset/redis', '-n', SERVERS, '--timeout=60s']);
  // an earlier run may have removed it
  await addPassword(PLATFORM.password);
  await setAccount(PLATFORM.password);
  const values = {
    bus: {
      kind: 'redis',
      internal: false,
      address: `redis.${SERVERS}:${REDIS}`,
      secret: SECRET,
      peers: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': SERVERS } } }],
    },
  };
  return { values, log: redisLog };
}

/** Writes the account of the platform to the Secret that its sidecars read. */
export const setAccount = (password: string) =>
  apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: SECRET, namespace: NAMESPACE },
    stringData: { ...PLATFORM, password },
  });

/** Runs a command of Redis as its administrator. */
export async function redisAdmin(...command: string[]): Promise<string> {
  const [pod] = await pods(SERVERS, 'app=redis');
  const shell = ['env', `REDISCLI_AUTH=${ADMIN_PASSWORD}`, 'redis-cli', ...command];
  const { code, stdout, stderr } = await execute(pod!, 'redis', shell);
  if (code !== 0 || /^(ERR|NOPERM|WRONGPASS)/.test(stdout)) throw new Error(stdout + stderr);
  return stdout;
}

/** Adds a password to the account of the platform, or removes one. */
export const addPassword = (password: string) =>
  redisAdmin('ACL', 'SETUSER', PLATFORM.username, `>${password}`);
export const removePassword = (password: string) =>
  redisAdmin('ACL', 'SETUSER', PLATFORM.username, `<${password}`);
export const FIRST_PASSWORD = PLATFORM.password;

const Service = z.object({ spec: z.object({ clusterIP: z.string() }) });

async function redisLog(): Promise<BrokerLog> {
  const { spec } = await get(Service, ['service', 'redis', '-n', SERVERS]);
  process.env['REDISCLI_AUTH'] = ADMIN_PASSWORD;
  return new RedisLog(REDIS, spec.clusterIP);
}

const LEDGER = { username: 'ledger', password: ADMIN_PASSWORD };

/** The broker of the release itself: its own program in its pod may do everything. */
async function rabbitLog(): Promise<BrokerLog> {
  const control = async (args: readonly string[]) => {
    const [pod] = await pods(NAMESPACE, 'app.kubernetes.io/component=rabbitmq');
    const { code, stdout, stderr } = await execute(pod!, 'rabbitmq', [
      ...['env', 'HOME=/data', 'RABBITMQ_NODENAME=omnichannel@localhost', 'rabbitmqctl', ...args],
    ]);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  };
  await control(['add_user', LEDGER.username, LEDGER.password]).catch((error: unknown) => {
    if (!String(error).includes('already exists')) throw error;
  });
  await control(['set_permissions', LEDGER.username, '.*', '.*', '.*']);
  const name = `${RELEASE}-rabbitmq`;
  const { spec } = await get(Service, ['service', name, '-n', NAMESPACE]);
  return new RabbitLog({ hostname: spec.clusterIP, port: 5672, account: LEDGER, control });
}

function redisObjects(): object[] {
  const labels = { app: 'redis' };
  const metadata = { name: 'redis', namespace: SERVERS };
  const account = `on >${PLATFORM.password} ~* &* +@all`;
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ port: REDIS }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata,
      spec: {
        serviceName: 'redis',
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [
              {
                name: 'redis',
                image: SERVER_IMAGES['redis'],
                imagePullPolicy: 'Never',
                command: ['redis-server', '--dir', '/data', '--protected-mode', 'no'],
                args: [
                  ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
                  ...['--requirepass', ADMIN_PASSWORD],
                  ...['--user', PLATFORM.username, ...account.split(' ')],
                ],
                readinessProbe: { tcpSocket: { port: REDIS }, periodSeconds: 1 },
                volumeMounts: [{ name: 'data', mountPath: '/data' }],
              },
            ],
          },
        },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: {
              accessModes: ['ReadWriteOnce'],
              resources: { requests: { storage: '1Gi' } },
            },
          },
        ],
      },
    },
  ];
}
