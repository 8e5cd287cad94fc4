import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inProject } from '../../scripts/start/project.mjs';
import { eventsOf } from '../e2e/bus';
import type { SystemOptions } from '../harness/system';
import { until } from '../harness/until';
import { DeviceFixture, type TestDevice, change } from './device-fixture';

const DATA = 'device.data.received';
const REPLICA = 'iot-gateway-2';

let devices: DeviceFixture;
const open = (options: SystemOptions = {}) => {
  const main = inProject('dist', 'services', 'iot-gateway', 'main.js');
  const command = ['node', main] as const;
  return DeviceFixture.open({
    ...options,
    more: [{ appId: 'iot-gateway', name: REPLICA, command }],
  });
};
beforeAll(async () => {
  devices = await open();
});
afterAll(() => devices.close());

/** Every message that the broker has accepted from a device becomes one event. */
async function expectAll(device: TestDevice, many: number, where = devices): Promise<void> {
  const publishedEvents = await where.waitForEvents(DATA, device.deviceId, many, 90_000);
  const numbers = publishedEvents
    .map(({ position }) => position?.seq ?? 0)
    .sort((one, two) => one - two);
  expect(numbers).toEqual(Array.from({ length: many }, (_, index) => index + 1));
}

/** Waits until some messages of a device have arrived. */
async function someOf(device: TestDevice): Promise<void> {
  await devices.waitForEvents(DATA, device.deviceId, 10);
}

test('a message that two replicas receive is one event', async () => {
  const device = await devices.device();
  await device.publishSales(60);
  await expectAll(device, 60);
});

test('no message is lost or doubled when services and their sidecars are killed under load', async () => {
  const device = await devices.device();
  const flow = device.publishSales(300);
  for (const id of ['iot-gateway', REPLICA]) {
    const app = devices.system.app(id);
    await someOf(device);
    await Promise.all(app.processes.map((process) => process.kill()));
    app.start();
    await app.ready();
  }
  await flow;
  await expectAll(device, 300);
});

test('messages sent while iot-gateway is down wait at the broker, even if it restarts', async () => {
  const device = await devices.device();
  const apps = ['iot-gateway', REPLICA].map((id) => devices.system.app(id));
  await Promise.all(apps.map(({ sidecar }) => sidecar.kill()));
  await device.publishSales(50);
  const broker = devices.system.server('mosquitto');
  await broker.stop();
  broker.start();
  for (const { sidecar } of apps) sidecar.start();
  await Promise.all(apps.map((app) => app.ready()));
  await expectAll(device, 50);
});

test('a broker that is restarted under load loses no message that it had accepted', async () => {
  const device = await devices.device();
  const flow = device.publishSales(400);
  await someOf(device);
  const broker = devices.system.server('mosquitto');
  await broker.stop();
  broker.start();
  await flow;
  await expectAll(device, 400);
});

test('after the broker was killed messages arrive again, and none twice', async () => {
  const device = await devices.device();
  const other = await devices.device();
  const flow = device.publishSales(100);
  await someOf(device);
  const broker = devices.system.server('mosquitto');
  await broker.kill();
  broker.start();
  await flow;
  // its subscriptions were not on disk: until the sidecars are back, nobody gets its messages
  await until('the subscriptions', async () => {
    await other.publish('stock', change);
    return (await devices.published(DATA, other.deviceId)).length > 0;
  });
  await device.publishSales(50);
  const seqs = async () =>
    (await devices.published(DATA, device.deviceId)).map((it) => it.position?.seq);
  const last = Array.from({ length: 50 }, (_, index) => 101 + index);
  await until('the last 50', async () => {
    const received = await seqs();
    return last.every((seq) => received.includes(seq));
  });
  const all = await seqs();
  expect(all).toHaveLength(new Set(all).size);
});

test('messages that wait at a broker which has written them survive a kill of the broker', async () => {
  const device = await devices.device();
  const apps = ['iot-gateway', REPLICA].map((id) => devices.system.app(id));
  await Promise.all(apps.map(({ sidecar }) => sidecar.kill()));
  const broker = devices.system.server('mosquitto');
  const { folder } = devices.system;
  const writtenAt = () => {
    const [file] = globSync('**/mosquitto.db', { cwd: folder });
    return file === undefined ? 0 : statSync(join(folder, file)).mtimeMs;
  };
  await device.publishSales(50);
  const published = Date.now();
  // it writes every few seconds
  await until('the messages to be written', () => writtenAt() > published + 1_000);
  await broker.kill();
  broker.start();
  for (const { sidecar } of apps) sidecar.start();
  await Promise.all(apps.map((app) => app.ready()));
  await expectAll(device, 50);
});

test('two replicas share the messages of devices if they share the subscription', async () => {
  const topic = '$share/iot-gateway/retail/+/+/+';
  const sharing = await open({ overrides: { devices: { topic } } });
  try {
    const device = await sharing.device();
    await device.publishSales(60);
    await expectAll(device, 60, sharing);
    const taken = async (id: string) => {
      const response = await fetch(`${sharing.system.app(id).url}/metrics`);
      const text = await response.text();
      return Number(/binding_messages_total\{.*outcome="taken"\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    const shares = await Promise.all(['iot-gateway', REPLICA].map(taken));
    expect(Math.min(...shares)).toBeGreaterThan(0);
    // none of the messages was received by both
    const events = await eventsOf(sharing.system);
    const own = events.filter(({ type, subject }) => type === DATA && subject === device.deviceId);
    expect(own).toHaveLength(60);
  } finally {
    await sharing.close();
  }
});
