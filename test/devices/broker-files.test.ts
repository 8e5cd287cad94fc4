import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type MqttClient, connectAsync } from 'mqtt';
import { KINDS as SAID, topicText } from '#contracts/device-messages';
import { KINDS, filesIn, writeBrokerFiles } from '../../scripts/devices/broker-files.mjs';
import { mosquitto } from '../../scripts/start/servers/mosquitto.mjs';
import { childEnv } from '../../scripts/start/project.mjs';
import { admin, sally, withDevice } from '../../services/shop/testing';
import { freePorts } from '../harness/ports';
import { LocalProcess } from '../harness/process';
import { until } from '../harness/until';
import { Workplace } from '../harness/workplace';

const PLATFORM = { userName: 'platform', password: 'only-for-tests-of-one-minute' };

let workplace: Workplace;
let clients: MqttClient[];

beforeEach(() => {
  workplace = Workplace.open();
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.end(true);
  await workplace.close();
});

const files = () => filesIn(workplace.folder);

/** A shop with two devices, and a mosquitto that knows their accounts. */
async function open() {
  const shop = await withDevice();
  const { bed, shopId } = shop;
  const asked = { shopId, kind: 'shelf', name: 'Yard' };
  const { device } = await bed.call('registerDevice', asked, { caller: sally });
  const write = async () => {
    const { items } = await bed.call('listBrokerAccounts', { limit: 100 }, { caller: admin });
    return writeBrokerFiles(workplace.folder, PLATFORM, items);
  };
  await write();
  const broker = await startMosquitto();
  const enter = async (username: string, password: string) => {
    const options = { username, password, reconnectPeriod: 0, connectTimeout: 10_000 };
    const client = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, options);
    clients.push(client);
    return client;
  };
  return {
    ...shop,
    other: device?.deviceId ?? '',
    broker: broker.process,
    write,
    enter,
    platform: await enter(PLATFORM.userName, PLATFORM.password),
  };
}

async function startMosquitto() {
  const { folder } = workplace;
  const command = mosquitto.find();
  if (command === undefined) throw new Error('mosquitto is not here: run "npm run servers"');
  const [port = 0] = await freePorts(1);
  const config = join(folder, 'mosquitto.conf');
  const asRoot = process.getuid?.() === 0 ? ['user root'] : [];
  const { passwords, acl } = files();
  writeFileSync(
    config,
    [
      ...[`listener ${port} 127.0.0.1`, 'allow_anonymous false'],
      ...[`password_file ${passwords}`, `acl_file ${acl}`, ...asRoot, ''],
    ].join('\n'),
  );
  const broker = new LocalProcess({
    ...{ name: 'mosquitto', command, args: ['-c', config], cwd: folder, env: plainEnv() },
    ...{ log: join(folder, 'logs', 'broker.log'), pidFile: join(folder, 'pids', 'broker') },
  });
  broker.start();
  await until('the broker', () => mosquitto.answers(port));
  return { port, process: broker };
}

function plainEnv(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(childEnv()).flatMap(([name, text]) =>
      text === undefined ? [] : [[name, text]],
    ),
  );
}

/** What arrives at a client, as `<topic> <payload>`. */
async function hearing(client: MqttClient, ...topics: string[]) {
  const heard: string[] = [];
  client.on('message', (topic, payload) => heard.push(`${topic} ${payload.toString()}`));
  await client.subscribeAsync(topics, { qos: 1 });
  return heard;
}

const topicOf = (deviceId: string, kind: 'status' | 'sale' | 'command', tenantId = 'default') =>
  topicText({ tenantId, deviceId, kind });

describe('the files of accounts, at a real broker', () => {
  test('let a device in by its credential, and nobody else', async () => {
    const { enter, userName, credential, deviceId } = await open();
    expect((await enter(userName, credential)).connected).toBe(true);
    for (const [name, password] of [
      [userName, `${credential}x`],
      [`default/${deviceId}/2`, credential],
      [`other/${deviceId}/1`, credential],
      ['', ''],
    ] as const) {
      await expect(enter(name, password)).rejects.toThrow('Not authorized');
    }
  });

  test('let a device say what is its own, and nothing else', async () => {
    const { platform, enter, userName, credential, deviceId, other } = await open();
    const heard = await hearing(platform, '$share/iot-gateway/retail/+/+/+');
    const device = await enter(userName, credential);
    for (const topic of [
      topicOf(other, 'status'),
      topicOf(deviceId, 'status', 'other'),
      topicOf(deviceId, 'command'),
      `retail/default/${deviceId}/gossip`,
      `retail/default/${deviceId}/status/deep`,
      'retail',
    ]) {
      await device.publishAsync(topic, 'forged', { qos: 1 });
    }
    for (const kind of SAID) {
      await device.publishAsync(`retail/default/${deviceId}/${kind}`, 'own', { qos: 1 });
    }
    await until('what it may say', () => heard.length >= SAID.length);
    expect(heard).toEqual(SAID.map((kind) => `retail/default/${deviceId}/${kind} own`));
  });

  test('let a device hear its own commands, and nothing else', async () => {
    const { platform, enter, userName, credential, deviceId, other } = await open();
    const device = await enter(userName, credential);
    const heard = await hearing(device, 'retail/#', '#', topicOf(other, 'command'));
    await platform.publishAsync(topicOf(other, 'command'), 'not for it', { qos: 1 });
    await device.publishAsync(topicOf(deviceId, 'sale'), 'its own', { qos: 1 });
    await platform.publishAsync(topicOf(deviceId, 'command'), 'for it', { qos: 1 });
    await until('the command', () => heard.length > 0);
    expect(new Set(heard)).toEqual(new Set([`${topicOf(deviceId, 'command')} for it`]));
  });

  test('let it in by both of its credentials while both are good', async () => {
    const { bed, broker, write, enter, userName, credential, deviceId } = await open();
    const device = await enter(userName, credential);
    const renewed = await bed.call('renewCredential', { deviceId }, { caller: sally });
    expect(await write()).toBe(true);
    broker.signal('SIGHUP');
    const again = await until('the new account', () => enter(renewed.userName, renewed.credential));
    expect([device.connected, again.connected]).toEqual([true, true]);
  });

  test('shut out who is retired, whether connected or not', async () => {
    const { bed, broker, write, enter, userName, credential, deviceId, platform } = await open();
    const device = await enter(userName, credential);
    const closed = new Promise<void>((resolve) => device.once('close', resolve));
    await bed.call('retireDevice', { deviceId }, { caller: sally });
    expect(await write()).toBe(true);
    broker.signal('SIGHUP');
    await closed;
    await expect(enter(userName, credential)).rejects.toThrow('Not authorized');
    expect(platform.connected).toBe(true);
  });
});

describe('the files of accounts', () => {
  test('speak of the same kinds as devices', () => {
    expect(KINDS).toEqual(SAID);
  });

  test('are for their owner alone, and new only where an account is', async () => {
    const { folder } = workplace;
    expect(writeBrokerFiles(folder, PLATFORM, [])).toBe(true);
    expect(writeBrokerFiles(folder, PLATFORM, [])).toBe(false);
    for (const file of Object.values(files())) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(writeBrokerFiles(folder, { ...PLATFORM, password: 'another one' }, [])).toBe(true);
  });

  test.each([
    { userName: 'default/a b/1' },
    { userName: 'default/+/1' },
    { topic: 'retail/default/#' },
    { topic: 'retail/default/d1\ntopic readwrite #' },
    { passwordHash: '' },
  ])('take nothing that would mean something else there: %j', (part) => {
    const account = {
      ...{ userName: 'default/d1/1', passwordHash: '$7$101$c2FsdA==$aGFzaA==' },
      ...{ topic: 'retail/default/d1', ...part },
    };
    expect(() => writeBrokerFiles(workplace.folder, PLATFORM, [account])).toThrow(
      'is no account of a device',
    );
  });
});
