import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { KINDS as SAID, MAX_MESSAGE_BYTES, topicText } from '#contracts/device-messages';
import { KINDS, filesIn, writeBrokerFiles } from '../../scripts/devices/broker-files.mjs';
import { childEnv } from '../../scripts/start/project.mjs';
import { deviceBrokers } from '../../scripts/start/servers.mjs';
import { admin, sally, withDevice } from '../../services/shop/testing';
import { freePorts } from '../harness/ports';
import { LocalProcess } from '../harness/process';
import { until } from '../harness/until';
import { Workplace } from '../harness/workplace';
import { type BrokerFixture, testDeviceAccounts } from './accounts';
import { type LoginOptions, Logins, endAfter } from './mqtt-login';

const PLATFORM = { userName: 'platform', password: 'only-for-tests-of-one-minute' };
/** The client id of iot-gateway's binding at mosquitto. */
const PLATFORM_ID = 'iot-gateway-consumer';
/** The configuration of `npm start`. */
const mosquitto = deviceBrokers.mosquitto(PLATFORM);

let workplace: Workplace;
beforeEach(() => {
  workplace = Workplace.open();
});
afterEach(() => workplace.close());

async function startMosquitto() {
  const { folder } = workplace;
  const command = mosquitto.find();
  if (command === undefined) throw new Error('mosquitto is missing: run "npm run servers"');
  const ports = await freePorts(2);
  const [port = 0, platformPort = 0] = ports;
  mosquitto.prepare?.(folder);
  const { args } = await mosquitto.plan(command, ports, folder, port);
  const broker = new LocalProcess({
    ...{ name: 'mosquitto', command, args, cwd: folder, env: plainEnv() },
    ...{ log: join(folder, 'logs', 'broker.log'), pidFile: join(folder, 'pids', 'broker') },
  });
  broker.start();
  await until('the broker', () => mosquitto.responds(port));
  return { port, platformPort, process: broker };
}

function plainEnv(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(childEnv()).flatMap(([name, text]) =>
      text === undefined ? [] : [[name, text]],
    ),
  );
}

describe('on a real mosquitto, configured as by npm start', () => {
  let shop: Awaited<ReturnType<typeof withDevice>>;
  let broker: BrokerFixture;
  let reread: () => Promise<void>;
  let logins: Logins;
  let platformLogins: Logins;
  let mosquittoProcess: LocalProcess;
  let devicePort: number;
  const logInAsPlatform = (options?: LoginOptions): Promise<MqttClient> =>
    platformLogins.logIn(PLATFORM.userName, PLATFORM.password, options);

  /** A shop with two devices, and a mosquitto with their accounts. */
  beforeEach(async () => {
    shop = await withDevice();
    const { bed, shopId, userName, credential, deviceId } = shop;
    const request = { shopId, kind: 'shelf', name: 'Yard' };
    const other = await bed.call('registerDevice', request, { caller: sally });
    const { port, platformPort, process } = await startMosquitto();
    [mosquittoProcess, devicePort] = [process, port];
    reread = async () => {
      const { items } = await bed.call('listBrokerAccounts', { limit: 100 }, { caller: admin });
      await mosquitto.setAccounts(items, {
        ...{ dir: workplace.folder, ports: [port, platformPort] },
        reload: () => process.signal('SIGHUP'),
      });
    };
    await reread();
    logins = new Logins(port);
    platformLogins = new Logins(platformPort);
    const { logIn } = logins;
    broker = {
      logIn,
      platform: await logInAsPlatform(),
      device: { deviceId, userName, credential },
      other: { ...other, deviceId: other.device?.deviceId ?? '' },
      retire: async ({ deviceId }) => {
        await bed.call('retireDevice', { deviceId }, { caller: sally });
        await reread();
      },
    };
    // it reloads its files some time after the signal
    await until('the accounts', async () => (await logIn(userName, credential)).connected);
  });
  afterEach(() => {
    logins.close();
    platformLogins.close();
  });

  testDeviceAccounts(() => broker);

  test('a device cannot use the listener of the platform, nor the platform that of devices', async () => {
    const { logIn, device, platform } = broker;
    const { userName, credential } = device;
    const asPlatform = platformLogins.logIn(userName, credential, { clientId: PLATFORM_ID });
    await expect(asPlatform).rejects.toThrow('Connection refused');
    const asDevice = logIn(PLATFORM.userName, PLATFORM.password);
    await expect(asDevice).rejects.toThrow('Connection refused');
    expect(platform.connected).toBe(true);
  });

  test('a device with the client id of the platform takes neither its connection nor its messages', async () => {
    const { logIn, device } = broker;
    const { userName, credential, deviceId } = device;
    const received: string[] = [];
    const platform = await logInAsPlatform({ clientId: PLATFORM_ID, received });
    await platform.subscribeAsync('retail/+/+/+', { qos: 1 });
    for (const clientId of [PLATFORM_ID, 'platform', 'iot-gateway-producer', deviceId]) {
      const thief = await logIn(userName, credential, { clientId });
      await thief.publishAsync(saleTopic(deviceId), clientId, { qos: 1 });
      await thief.endAsync();
    }
    await until('the messages', () => received.length === 4);
    expect(platform.connected).toBe(true);
    // nor while the platform is not connected
    await platform.endAsync();
    const thief = await logIn(userName, credential, { clientId: PLATFORM_ID });
    await thief.publishAsync(saleTopic(deviceId), 'waiting', { qos: 1 });
    await thief.endAsync();
    await mosquittoProcess.stop();
    mosquittoProcess.start();
    await until('the broker', () => mosquitto.responds(devicePort));
    const waiting: string[] = [];
    await logInAsPlatform({ clientId: PLATFORM_ID, received: waiting });
    await until('the message that waited', () => waiting.length > 0);
    expect(waiting).toEqual([`${saleTopic(deviceId)} waiting`]);
  });

  test('a device with the client id of another device does not end its connection', async () => {
    const { logIn, device, other } = broker;
    const client = await logIn(device.userName, device.credential);
    await logIn(other.userName, other.credential, { clientId: device.userName });
    await client.publishAsync(saleTopic(device.deviceId), 'still here', { qos: 1 });
    expect(client.connected).toBe(true);
  });

  test.each([65_537, 200_000, 300_000, 5 * 2 ** 20])(
    'a message of %i bytes is dropped, and those of others arrive',
    async (bytes) => {
      const { logIn, device, other, platform } = broker;
      const arrived: string[] = [];
      platform.on('message', (topic, payload) => arrived.push(`${topic} ${payload.length}`));
      await platform.subscribeAsync('retail/+/+/+', { qos: 1 });
      const payload = Buffer.alloc(bytes);
      for (let times = 0; times < 25; times++) {
        const client = await logIn(device.userName, device.credential);
        const sent = client.publishAsync(saleTopic(device.deviceId), payload, { qos: 1 });
        await endAfter(client, sent);
      }
      const client = await logIn(other.userName, other.credential);
      const topic = saleTopic(other.deviceId);
      await client.publishAsync(topic, Buffer.alloc(MAX_MESSAGE_BYTES), { qos: 1 });
      await until('the message', () => arrived.length > 0);
      expect(arrived).toEqual([`${topic} ${MAX_MESSAGE_BYTES}`]);
    },
  );

  test('a device logs in with either of its credentials while both are valid', async () => {
    const { bed } = shop;
    const { logIn, device } = broker;
    const client = await logIn(device.userName, device.credential);
    const { deviceId } = device;
    const renewed = await bed.call('renewCredential', { deviceId }, { caller: sally });
    await reread();
    const again = await until('the new account', () => logIn(renewed.userName, renewed.credential));
    expect([client.connected, again.connected]).toEqual([true, true]);
  });
});

function saleTopic(deviceId: string): string {
  return topicText({ tenantId: 'default', deviceId, kind: 'sale' });
}

describe('the account files', () => {
  test('have the same kinds of messages as the contracts', () => {
    expect(KINDS).toEqual(SAID);
  });

  test('are readable by their owner only, and written only when an account has changed', async () => {
    const { folder } = workplace;
    expect(writeBrokerFiles(folder, PLATFORM, [])).toBe(true);
    expect(writeBrokerFiles(folder, PLATFORM, [])).toBe(false);
    for (const file of Object.values(filesIn(folder)))
      expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(writeBrokerFiles(folder, { ...PLATFORM, password: 'another one' }, [])).toBe(true);
  });

  test('have the account of the platform and those of devices in separate files', () => {
    const { folder } = workplace;
    const account = {
      ...{ userName: 'default/d1/1', passwordHash: '$7$101$c2FsdA==$aGFzaA==' },
      ...{ saltedSha256: 'c2FsdGhhc2g=', topic: 'retail/default/d1' },
    };
    writeBrokerFiles(folder, PLATFORM, [account]);
    const { passwords, acl, platformPasswords, platformAcl } = filesIn(folder);
    for (const file of [passwords, acl])
      expect(readFileSync(file, 'utf8')).not.toContain('platform');
    for (const file of [platformPasswords, platformAcl])
      expect(readFileSync(file, 'utf8')).not.toContain('d1');
  });

  test.each([
    { userName: 'default/a b/1' },
    { userName: 'default/+/1' },
    { topic: 'retail/default/#' },
    { topic: 'retail/default/d1\ntopic readwrite #' },
    { passwordHash: '' },
    { saltedSha256: '' },
  ])('take nothing that would mean something else there: %j', (part) => {
    const account = {
      ...{ userName: 'default/d1/1', passwordHash: '$7$101$c2FsdA==$aGFzaA==' },
      saltedSha256: 'c2FsdGhhc2g=',
      ...{ topic: 'retail/default/d1', ...part },
    };
    expect(() => writeBrokerFiles(workplace.folder, PLATFORM, [account])).toThrow(
      'is not a valid device account',
    );
  });
});
