import { execFile, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Producer, stringSerializers } from '@platformatic/kafka';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { connect } from 'amqplib';
import { accessTo } from '../../scripts/start/access.mjs';
import { ownEnv } from '../../scripts/start/environment.mjs';
import { type Server, serversWithAccounts } from '../../scripts/start/servers.mjs';
import { freePorts } from '../harness/ports';
import { until } from '../harness/until';

// The servers as npm start starts them, each by itself. That the services work with them shows start.test.ts.

const run = promisify(execFile);
const APPS = ['order', 'payment', 'gateway'];

let folder: string;
let port: number;
let stop: () => Promise<void>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'omnichannel-accounts-'));
});
afterEach(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

async function start(kind: string) {
  const access = accessTo(kind, {
    secret: 'only for this test',
    bus: kind in BUS ? kind : 'redis',
    apps: APPS,
  });
  const server: Server | undefined = serversWithAccounts[kind]?.(access);
  const program = server?.find();
  if (server === undefined || program === undefined) throw new Error(`${kind} is not installed`);
  const ports = await freePorts(server.ports.length);
  [port = 0] = ports;
  chmodSync(folder, 0o700);
  server.prepare?.(folder);
  const plan = await server.plan(program, ports, folder, port);
  const child = spawn(plan.command, plan.args, {
    env: { ...ownEnv(), ...plan.env },
    detached: true,
    stdio: 'ignore',
  });
  stop = async () => {
    process.kill(-child.pid!, 'SIGKILL');
    await until(`the end of ${kind}`, () => child.exitCode !== null || child.signalCode !== null);
  };
  await until(kind, () => server.responds(port), 60_000);
  await server.setUp?.(ports);
  return { passwordOf: access.passwordOf, clientEnv: server.clientEnv! };
}
const BUS = { redis: '', rabbitmq: '', kafka: '' };

/** What a command prints, or why it failed. */
const output = (command: string, args: readonly string[], env: Record<string, string> = {}) =>
  run(command, args, { env: { ...ownEnv(), ...env } }).then(
    ({ stdout }) => stdout.trim(),
    (error: unknown) => String((error as { stderr?: string }).stderr ?? error) + String(error),
  );

describe('Redis', () => {
  test('an account publishes and reads the topics and documents of its app only', async () => {
    const { clientEnv } = await start('redis');
    const as =
      (app: string) =>
      (...words: string[]) => {
        const { REDIS_USERNAME: user = '', REDIS_PASSWORD: password = '' } = clientEnv(app);
        const login = ['-p', String(port), '--user', user];
        return output('redis-cli', [...login, ...words], { REDISCLI_AUTH: password });
      };
    const [order, payment] = [as('order'), as('payment')];
    expect(await output('redis-cli', ['-p', String(port), 'PING'])).toContain('NOAUTH');
    expect(await order('XADD', 'order.created', '*', 'data', '1')).toMatch(/^\d+-0$/);
    expect(await order('XGROUP', 'CREATE', 'order.place', 'order', '0', 'MKSTREAM')).toBe('OK');
    expect(await order('HSET', 'order||1', 'data', '1')).toBe('1');
    for (const refused of [
      ['XADD', 'payment.refund', '*', 'data', '1'],
      // it only subscribes to this one
      ['XADD', 'order.unknown', '*', 'data', '1'],
      ['XGROUP', 'CREATE', 'payment.refund', 'order', '0', 'MKSTREAM'],
      ['HGETALL', 'payment||1'],
      ['EVAL', "return redis.call('HGETALL', 'payment||1')", '0'],
      ['KEYS', '*'],
      ['SCAN', '0'],
      ['CONFIG', 'GET', '*'],
      ['ACL', 'LIST'],
      ['FLUSHALL'],
      ['SHUTDOWN'],
    ]) {
      expect([refused, await order(...refused)]).toEqual([
        refused,
        expect.stringMatching(/NOPERM|can't access at least one of the keys/),
      ]);
    }
    expect(await payment('XADD', 'order.created', '*', 'data', '1')).toContain('NOPERM');
    expect(await as('gateway')('XADD', 'order.place', '*', 'data', '1')).toContain('NOPERM');
  });
});

describe('RabbitMQ', () => {
  test('an account publishes to the exchanges and reads the queues of its app only', async () => {
    const { clientEnv } = await start('rabbitmq');
    const url = (user: string, password: string) => `amqp://${user}:${password}@127.0.0.1:${port}`;
    await expect(connect(url('guest', 'guest'))).rejects.toThrow(/ACCESS.REFUSED/);
    const { RABBITMQ_USERNAME: user = '', RABBITMQ_PASSWORD: password = '' } = clientEnv('order');
    const connection = await connect(url(user, password));
    const attempt = async (exchange: string, queue?: string) => {
      const channel = await connection.createConfirmChannel();
      const failed = new Promise<string>((resolve) =>
        channel.once('error', (error: Error) => {
          resolve(error.message);
        }),
      );
      const done = (async () => {
        if (queue !== undefined) await channel.get(queue);
        else {
          channel.publish(exchange, '', Buffer.from('1'));
          await channel.waitForConfirms();
        }
        await channel.close();
        return 'done';
      })().catch((error: unknown) => String(error));
      return Promise.race([failed, done]);
    };
    expect(await attempt('order.created')).toBe('done');
    expect(await attempt('', 'order-order.place')).toBe('done');
    expect(await attempt('payment.refund')).toMatch(/ACCESS.REFUSED/);
    expect(await attempt('', 'payment-payment.refund')).toMatch(/ACCESS.REFUSED/);
    await connection.close();
  });
});

describe('Kafka', () => {
  test('an account publishes to the topics of its app only', async () => {
    const { clientEnv } = await start('kafka');
    const publish = async (app: string, topic: string, password?: string) => {
      const { KAFKA_USERNAME: username = '', KAFKA_PASSWORD: own = '' } = clientEnv(app);
      const producer = new Producer({
        clientId: 'test',
        bootstrapBrokers: [`127.0.0.1:${port}`],
        serializers: stringSerializers,
        autocreateTopics: true,
        sasl: { mechanism: 'PLAIN', username, password: password ?? own },
        retries: 3,
      });
      try {
        await producer.send({ messages: [{ topic, key: '1', value: '1' }], acks: -1 });
        return 'done';
      } catch (error) {
        return JSON.stringify(error, Object.getOwnPropertyNames(error)).slice(0, 2_000);
      } finally {
        await producer.close();
      }
    };
    expect(await publish('order', 'order.created')).toBe('done');
    expect(await publish('order', 'payment.refund')).not.toBe('done');
    expect(await publish('order', 'order.created', 'another')).not.toBe('done');
  });
});

describe('PostgreSQL', () => {
  test('the account owns its database, with a password, and nothing else', async () => {
    const { clientEnv } = await start('postgresql');
    const psql = (sql: string, password: string, user = 'omnichannel') =>
      output(
        'psql',
        ['-w', '-h', '127.0.0.1', '-p', String(port), '-U', user, '-d', 'omnichannel', '-tAc', sql],
        { PGPASSWORD: password },
      );
    const { POSTGRES_PASSWORD: password = '' } = clientEnv('order');
    expect(await psql('CREATE TABLE state (key text)', password)).toBe('CREATE TABLE');
    expect(await psql('SELECT rolsuper FROM pg_roles WHERE rolname = current_user', password)).toBe(
      'f',
    );
    for (const sql of ['CREATE ROLE other', "SELECT pg_read_file('/etc/passwd')"]) {
      expect(await psql(sql, password)).toContain('permission denied');
    }
    expect(await psql('SELECT 1', 'another')).toContain('password authentication failed');
    expect(await psql('SELECT 1', '', 'postgres')).toMatch(/no password supplied|failed/);
  });
});
