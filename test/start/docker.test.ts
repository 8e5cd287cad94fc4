import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { dockerRun, servers } from '../../scripts/start/servers.mjs';

let folder = '';
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** How docker runs a server that is reached by port 5000. */
function runOf(server: keyof typeof servers): string[] {
  folder = mkdtempSync(join(tmpdir(), 'docker-'));
  return dockerRun(servers[server].container(5000), 5000, folder);
}

/** The text of a file that is mounted at a path. */
function mounted(args: readonly string[], path: string): string {
  const mount = args.find((arg) => arg.endsWith(`:${path}:ro`));
  return readFileSync(mount?.split(':')[0] ?? '', 'utf8');
}

test('RabbitMQ in Docker knows the topics and queues of the services, and lets its guest in', () => {
  const args = runOf('rabbitmq');
  const definitions = JSON.parse(mounted(args, '/etc/rabbitmq/definitions.json')) as unknown;
  expect(definitions).toMatchObject({
    users: [{ name: 'guest' }],
    exchanges: expect.arrayContaining([expect.objectContaining({ name: 'order.created' })]),
  });
  const settings = mounted(args, '/etc/rabbitmq/conf.d/20-omnichannel.conf');
  expect(settings).toBe('load_definitions = /etc/rabbitmq/definitions.json\n');
  expect(args).toEqual(expect.arrayContaining(['-p', '127.0.0.1:5000:5672']));
});

test('Kafka in Docker tells its clients the port by which they reach it', () => {
  expect(runOf('kafka')).toEqual(
    expect.arrayContaining([
      'KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://127.0.0.1:5000',
      'KAFKA_NUM_PARTITIONS=16',
      'KAFKA_MESSAGE_MAX_BYTES=4500000',
    ]),
  );
});

test('Redis in Docker has what it acknowledges on its disk', () => {
  const args = runOf('redis');
  expect(args.slice(args.indexOf('redis:7'))).toEqual([
    ...['redis:7', 'redis-server', '--protected-mode', 'no'],
    ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
  ]);
});

test('mosquitto in Docker keeps what came while nobody heard, as the one that is a process does', () => {
  const args = runOf('mqtt3');
  const [config = ''] = args.slice(-1);
  expect(args.slice(-4)).toEqual(['eclipse-mosquitto:2', 'mosquitto', '-c', config]);
  expect(mounted(args, config).split('\n')).toEqual(
    expect.arrayContaining(['listener 1883', 'persistence true', 'max_queued_messages 0']),
  );
});
