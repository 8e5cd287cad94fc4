import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import { isOpen } from '../../scripts/start/ports.mjs';
import { brokerLog } from '../harness/bus/broker-log';
import { PLATFORM } from '../harness/servers';
import { until } from '../harness/until';
import { type Door, keepingTheDoor } from './accounts';
import { speaking } from './behaviours';
import { enterAt } from './door';
import { Fleet } from './fleet';

// RabbitMQ as the broker of the devices, beside that of the bus, in one.

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.open({ bus: 'rabbitmq', devices: 'rabbitmq' });
  await brokerLog(fleet.world).keep();
});
afterAll(() => fleet.close());

describe('at a real RabbitMQ', () => {
  speaking(() => fleet);

  test('what is said while nobody is there waits, also over a restart of the broker', async () => {
    const device = await fleet.device();
    const app = fleet.world.app('iot-gateway');
    await app.sidecar.kill();
    await device.sells(40);
    const broker = fleet.world.server('rabbitmq-server');
    await broker.stop();
    broker.start();
    await until('the broker', () => isOpen(fleet.world.mqttPort), 60_000);
    app.sidecar.start();
    await app.ready();
    await device.sells(5);
    const said = await fleet.hears('device.data.received', device.deviceId, 45, 90_000);
    const numbers = said.map(({ position }) => position?.seq ?? 0).sort((one, two) => one - two);
    expect(numbers).toEqual(Array.from({ length: 45 }, (_, index) => index + 1));
  });
});

describe('the accounts of devices at a real RabbitMQ', () => {
  const clients: MqttClient[] = [];
  let door: Door;

  beforeAll(async () => {
    const port = fleet.world.mqttPort;
    const enter: Door['enter'] = async (...who) => {
      const client = await enterAt(port, ...who);
      clients.push(client);
      return client;
    };
    door = {
      ...{ enter, platform: await enter(PLATFORM.userName, PLATFORM.password) },
      ...{ device: await fleet.register(), other: await fleet.register() },
      retire: async ({ deviceId }) => {
        await fleet.market.admin.send('DELETE', `/devices/${deviceId}`);
        await fleet.admit();
      },
    };
  });
  afterAll(() => {
    for (const client of clients) client.end(true);
  });

  keepingTheDoor(() => door);
});
