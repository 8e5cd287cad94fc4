import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inProject } from '../../scripts/start/project.mjs';
import { eventsOf } from '../e2e/bus';
import type { SystemOptions } from '../harness/system';
import { until } from '../harness/until';
import { Fleet, type TestDevice } from './fleet';

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
    await until('some of the flow', async () => {
      return (await fleet.said(DATA, device.deviceId)).length >= 10;
    });
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
