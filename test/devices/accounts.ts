import { expect, test } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { KINDS, topicText } from '#contracts/device-messages';
import { until } from '../harness/until';
import { type LoginOptions, endAfter } from './mqtt-login';

/** The account of a registered device. */
export interface RegisteredDevice {
  readonly deviceId: string;
  readonly userName: string;
  readonly credential: string;
}

/** A broker with the accounts of the platform and of two devices. */
export interface BrokerFixture {
  /** Logs in with these credentials. */
  readonly logIn: (userName: string, password: string, how?: LoginOptions) => Promise<MqttClient>;
  readonly platform: MqttClient;
  readonly device: RegisteredDevice;
  readonly other: RegisteredDevice;
  /** Retires the device, and updates the broker. */
  readonly retire: (device: RegisteredDevice) => Promise<void>;
}

/**
 * A device may publish on its own topics and subscribe to its own commands, on any broker. Some brokers
 * close the connection on a forbidden operation, others ignore it.
 */
export function testDeviceAccounts(brokerOf: () => BrokerFixture): void {
  test('a device logs in with its credential, and nothing else is accepted', async () => {
    const { logIn, device } = brokerOf();
    const { userName, credential, deviceId } = device;
    expect((await logIn(userName, credential)).connected).toBe(true);
    for (const [name, password] of [
      [userName, `${credential}x`],
      [`default/${deviceId}/2`, credential],
      [`other/${deviceId}/1`, credential],
      ['', ''],
    ] as const) {
      await expect(logIn(name, password, { clientId: 'a-stranger' })).rejects.toThrow(
        'Connection refused',
      );
    }
  });

  test('a device publishes on its own topics only', async () => {
    const { platform, logIn, device, other } = brokerOf();
    const { userName, credential, deviceId } = device;
    const received: string[] = [];
    platform.on('message', (topic, payload) => received.push(`${topic} ${payload.toString()}`));
    await platform.subscribeAsync('retail/+/+/+', { qos: 1 });
    for (const topic of [
      topicOf(other.deviceId, 'status'),
      topicOf(deviceId, 'status', 'other'),
      topicOf(deviceId, 'command'),
      `retail/default/${deviceId}/gossip`,
      `retail/default/${deviceId}/status/deep`,
      'retail',
    ]) {
      const client = await logIn(userName, credential);
      await endAfter(client, client.publishAsync(topic, 'forged', { qos: 1 }));
    }
    const client = await logIn(userName, credential);
    for (const kind of KINDS) {
      await client.publishAsync(`retail/default/${deviceId}/${kind}`, 'own', { qos: 1 });
    }
    await until('the permitted messages', () => received.length >= KINDS.length);
    expect(received).toEqual(KINDS.map((kind) => `retail/default/${deviceId}/${kind} own`));
  });

  test('a device receives its own commands only', async () => {
    const { platform, logIn, device, other } = brokerOf();
    const { userName, credential, deviceId } = device;
    const received: string[] = [];
    for (const topic of ['retail/#', '#', topicOf(other.deviceId, 'command')]) {
      const client = await logIn(userName, credential, { clientId: deviceId, received });
      await endAfter(client, client.subscribeAsync(topic, { qos: 1 }));
    }
    // nor does it get the stored messages of another device by using its client id
    const { deviceId: clientId } = other;
    const theirs = await logIn(other.userName, other.credential, { clientId });
    await theirs.subscribeAsync(topicOf(clientId, 'command'), { qos: 1 });
    await theirs.endAsync();
    await platform.publishAsync(topicOf(other.deviceId, 'command'), 'not for it', { qos: 1 });
    const thief = await logIn(userName, credential, { clientId, received }).catch(() => undefined);
    if (thief) {
      await endAfter(thief, thief.subscribeAsync(topicOf(deviceId, 'command'), { qos: 1 }));
    }
    const own = await logIn(userName, credential, { received });
    await own.subscribeAsync(topicOf(deviceId, 'command'), { qos: 1 });
    await own.publishAsync(topicOf(deviceId, 'sale'), 'its own', { qos: 1 });
    await platform.publishAsync(topicOf(deviceId, 'command'), 'for it', { qos: 1 });
    await until('the command', () => received.length > 0);
    expect(new Set(received)).toEqual(new Set([`${topicOf(deviceId, 'command')} for it`]));
  });

  test('a retired device is disconnected, and cannot log in again', async () => {
    const { logIn, other, retire, platform } = brokerOf();
    const client = await logIn(other.userName, other.credential);
    const closed = new Promise<void>((resolve) => client.once('close', resolve));
    await retire(other);
    await closed;
    const again = logIn(other.userName, other.credential);
    await expect(again).rejects.toThrow('Connection refused');
    expect(platform.connected).toBe(true);
  });
}

const topicOf = (deviceId: string, kind: 'status' | 'sale' | 'command', tenantId = 'default') =>
  topicText({ tenantId, deviceId, kind });
