import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inProject } from '../../scripts/start/project.mjs';
import { eventsOf } from '../e2e/bus';
import type { SystemOptions } from '../harness/system';
import { until } from '../harness/until';
import { Fleet, type TestDevice, change } from './fleet';

const DATA = 'device.data.received';
const REPLICA = 'iot-gateway-2';

let fleet: Fleet;
const open = (options: SystemOptions = {}) => {
  const main = inProject('dist', 'services', 'iot-gateway', 'main.js');
  const command = ['node', main] as const;
  return Fleet.open({ ...options, more: [{ appId: 'iot-gateway', name: REPLICA, command }] });
};
beforeAll(async () => {
  fleet = await open();
});
afterAll(() => fleet.close());

/** What the broker has taken from a device arrives, each message as one event. */
async function expectAll(device: TestDevice, many: number, where = fleet): Promise<void> {
  const said = await where.hears(DATA, device.deviceId, many, 90_000);
  const numbers = said.map(({ position }) => position?.seq ?? 0).sort((one, two) => one - two);
  expect(numbers).toEqual(Array.from({ length: many }, (_, index) => index + 1));
}

/** Waits until a device's flow is on its way. */
async function someOf(device: TestDevice): Promise<void> {
  await fleet.hears(DATA, device.deviceId, 10);
}

test('what two replicas hear is one event', async () => {
  const device = await fleet.device();
  await device.sells(60);
  await expectAll(device, 60);
});

test('nothing is lost or doubled though services and their sidecars are killed in the middle', async () => {
  const device = await fleet.device();
  const flow = device.sells(300);
  for (const id of ['iot-gateway', REPLICA]) {
    const app = fleet.world.app(id);
    await someOf(device);
    await Promise.all(app.processes.map((process) => process.kill()));
    app.start();
    await app.ready();
  }
  await flow;
  await expectAll(device, 300);
});

test('what is said while nobody is there waits at the broker, also over its restart', async () => {
  const device = await fleet.device();
  const apps = ['iot-gateway', REPLICA].map((id) => fleet.world.app(id));
  await Promise.all(apps.map(({ sidecar }) => sidecar.kill()));
  await device.sells(50);
  const broker = fleet.world.server('mosquitto');
  await broker.stop();
  broker.start();
  for (const { sidecar } of apps) sidecar.start();
  await Promise.all(apps.map((app) => app.ready()));
  await expectAll(device, 50);
});

test('a broker that is started anew in the middle loses nothing of what it took', async () => {
  const device = await fleet.device();
  const flow = device.sells(400);
  await someOf(device);
  const broker = fleet.world.server('mosquitto');
  await broker.stop();
  broker.start();
  await flow;
  await expectAll(device, 400);
});

test('a broker that is killed in the middle is heard again, and nothing comes twice', async () => {
  const device = await fleet.device();
  const other = await fleet.device();
  const flow = device.sells(100);
  await someOf(device);
  const broker = fleet.world.server('mosquitto');
  await broker.kill();
  broker.start();
  await flow;
  // it had not written down who hears devices: until they are back, what it takes reaches nobody
  await until('who hears devices', async () => {
    await other.says('stock', change);
    return (await fleet.said(DATA, other.deviceId)).length > 0;
  });
  await device.sells(50);
  const seqs = async () => (await fleet.said(DATA, device.deviceId)).map((it) => it.position?.seq);
  const last = Array.from({ length: 50 }, (_, index) => 101 + index);
  await until('the last 50', async () => {
    const heard = await seqs();
    return last.every((seq) => heard.includes(seq));
  });
  const all = await seqs();
  expect(all).toHaveLength(new Set(all).size);
});

test('two replicas share what devices say, where the subscription is one', async () => {
  const topic = '$share/iot-gateway/retail/+/+/+';
  const sharing = await open({ overrides: { devices: { topic } } });
  try {
    const device = await sharing.device();
    await device.sells(60);
    await expectAll(device, 60, sharing);
    const taken = async (id: string) => {
      const response = await fetch(`${sharing.world.app(id).url}/metrics`);
      const text = await response.text();
      return Number(/binding_messages_total\{.*outcome="taken"\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    const shares = await Promise.all(['iot-gateway', REPLICA].map(taken));
    expect(Math.min(...shares)).toBeGreaterThan(0);
    // none of them came to both
    const events = await eventsOf(sharing.world);
    const own = events.filter(({ type, subject }) => type === DATA && subject === device.deviceId);
    expect(own).toHaveLength(60);
  } finally {
    await sharing.close();
  }
});
