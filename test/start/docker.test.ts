import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { accessTo } from '../../scripts/start/access.mjs';
import {
  type Server,
  deviceBrokers,
  dockerRun,
  servers,
  serversWithAccounts,
} from '../../scripts/start/servers.mjs';

let folder = '';
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** The docker command of a server that is reached by port 5000. */
function runOf(server: Server): string[] {
  folder = mkdtempSync(join(tmpdir(), 'docker-'));
  return dockerRun(server.container(5000), 5000, folder);
}

/** The content of the file that is mounted at a path. */
function mounted(args: readonly string[], path: string): string {
  const mount = args.find((arg) => arg.endsWith(`:${path}:ro`));
  return readFileSync(mount?.split(':')[0] ?? '', 'utf8');
}

test('RabbitMQ in Docker has the topics and queues of the services, and accepts its guest user', () => {
  const args = runOf(servers.rabbitmq);
  const definitions = JSON.parse(mounted(args, '/etc/rabbitmq/definitions.json')) as unknown;
  expect(definitions).toMatchObject({
    users: [{ name: 'guest' }],
    exchanges: expect.arrayContaining([expect.objectContaining({ name: 'order.created' })]),
  });
  const settings = mounted(args, '/etc/rabbitmq/conf.d/20-omnichannel.conf');
  expect(settings).toBe('load_definitions = /etc/rabbitmq/definitions.json\n');
  expect(args).toEqual(expect.arrayContaining(['-p', '127.0.0.1:5000:5672']));
});

test('Kafka in Docker advertises the port by which clients reach it', () => {
  expect(runOf(servers.kafka)).toEqual(
    expect.arrayContaining([
      'KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://127.0.0.1:5000',
      'KAFKA_NUM_PARTITIONS=16',
      'KAFKA_MESSAGE_MAX_BYTES=4500000',
    ]),
  );
});

test('Redis in Docker writes to disk before it acknowledges', () => {
  const args = runOf(servers.redis);
  expect(args.slice(args.indexOf('redis:7'))).toEqual([
    ...['redis:7', 'redis-server', '--protected-mode', 'no'],
    ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
  ]);
});

test('mosquitto in Docker stores messages for offline clients, as the process does', () => {
  const args = runOf(servers.mosquitto);
  const [config = ''] = args.slice(-1);
  expect(args.slice(-4)).toEqual(['eclipse-mosquitto:2', 'mosquitto', '-c', config]);
  expect(mounted(args, config).split('\n')).toEqual(
    expect.arrayContaining(['listener 1883', 'persistence true', 'max_queued_messages 0']),
  );
});

test.each(Object.keys(serversWithAccounts))(
  '%s in Docker knows its accounts, and no other user of the machine can read their passwords',
  (kind) => {
    const apps = ['order', 'payment'];
    const access = accessTo(kind, { secret: 'only in this test', bus: 'redis', apps });
    const args = runOf(serversWithAccounts[kind]!(access));
    const passwords = [...apps, 'admin', 'broker', 'postgres', 'omnichannel'].map(
      access.passwordOf,
    );
    for (const password of passwords) expect(args.join(' ')).not.toContain(password);
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    expect(files.join('')).toMatch(/order|omnichannel/);
    expect(args.join(' ')).not.toMatch(/HOST_AUTH_METHOD|PLAINTEXT:\/\//);
  },
);

const PLATFORM = { userName: 'platform', password: 'only-for-tests-of-one-minute' };

test('mosquitto in Docker accepts the accounts of its folder, if there are any', () => {
  const args = runOf(deviceBrokers.mosquitto(PLATFORM));
  expect(args).toContain(`${folder}/accounts:/mosquitto-accounts:ro`);
  expect(mounted(args, args.at(-1) ?? '').split('\n')).toEqual(
    expect.arrayContaining([
      ...['allow_anonymous false', 'password_file /mosquitto-accounts/passwords'],
      ...['acl_file /mosquitto-accounts/acl', 'user root'],
    ]),
  );
});

test('RabbitMQ in Docker has MQTT if it is the broker of the devices', () => {
  const args = runOf(deviceBrokers.rabbitmq(PLATFORM));
  expect(args).toEqual(expect.arrayContaining(['127.0.0.1:1883:1883', '127.0.0.1:15672:15672']));
  expect(mounted(args, '/etc/rabbitmq/enabled_plugins')).toContain('rabbitmq_mqtt');
  const settings = mounted(args, '/etc/rabbitmq/conf.d/20-omnichannel.conf');
  expect(settings.split('\n')).toContain('mqtt.allow_anonymous = false');
  const definitions = mounted(args, '/etc/rabbitmq/definitions.json');
  expect(JSON.parse(definitions)).toMatchObject({
    vhosts: [{ name: '/' }, { name: 'devices' }],
    users: [{ name: 'guest' }, { name: 'platform' }],
  });
  expect(definitions).not.toContain(PLATFORM.password);
});
