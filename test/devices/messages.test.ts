import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { topicText } from '#contracts/device-messages';
import { until } from '../harness/until';
import { speaking } from './behaviours';
import { Fleet, change } from './fleet';

const DATA = 'device.data.received';
const STATUS = 'device.status.updated';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.open();
});
afterAll(() => fleet.close());

describe('at a real broker', () => {
  speaking(() => fleet);
});

describe('what a device says at a real broker', () => {
  test('counts once, however often it comes', async () => {
    const device = await fleet.device();
    const message = device.signer.sign('stock', change);
    for (let times = 0; times < 5; times++) await device.sends(message);
    await device.says('stock', change);
    await fleet.hears(DATA, device.deviceId, 2);
    // taken up again by a process that remembers nothing
    const { service } = fleet.world.app('iot-gateway');
    await service?.kill();
    service?.start();
    await device.sends(message);
    await device.says('stock', change);
    const said = await fleet.hears(DATA, device.deviceId, 3, 60_000);
    expect(said.map(({ position }) => position?.seq).sort()).toEqual([1, 2, 3]);
  });

  test('is refused where it is forged, old, or on the topic of another, and the rest goes on', async () => {
    const [device, other] = [await fleet.device(), await fleet.device()];
    const good = device.signer.sign('stock', change);
    await device.sends({ ...good, payload: good.payload.replace('-1', '-9') });
    const { deviceId } = other;
    await device.sends({
      ...device.signer.sign('sale', { saleId: 's', productId: 'tea', quantity: 1 }),
      topic: topicText({ tenantId: 'default', deviceId, kind: 'sale' }),
    });
    await device.says('stock', { mode: 'guess' });
    await device.says('telemetry', { heat: 1 }, { v: 9 });
    await device.says('stock', change);
    await fleet.hears(DATA, device.deviceId, 1);
    await until('the refusals', async () => {
      expect((await fleet.refusals(device.deviceId)).sort()).toEqual([
        'stock unreadable',
        'stock wrong_signature',
        'telemetry unreadable',
      ]);
      expect(await fleet.refusals(deviceId)).toEqual(['sale wrong_signature']);
      return true;
    });
    expect(await fleet.said(DATA, deviceId)).toEqual([]);
  });

  test('goes on behind more bad messages than the broker hands out at once', async () => {
    const device = await fleet.device();
    const topic = topicText({ tenantId: 'default', deviceId: device.deviceId, kind: 'sale' });
    await Promise.all(
      Array.from({ length: 100 }, () => device.sends({ topic, payload: 'poison\n' })),
    );
    await device.says('stock', change);
    await fleet.hears(DATA, device.deviceId, 1);
  });
});

describe('a device whose connection breaks', () => {
  test('is said to be offline by its last will, after a while', async () => {
    const device = await fleet.device();
    await device.says('status', { status: 'online' });
    await fleet.hears(STATUS, device.deviceId, 1);
    device.breaksOff();
    await fleet.hears(STATUS, device.deviceId, 2, 60_000);
    await expect(fleet.statuses(device.deviceId)).resolves.toEqual(['online', 'offline']);
    await expect(fleet.presence(device.deviceId)).resolves.toBe('offline');
  });
});

describe('a command', () => {
  test('is sent again until it is answered, and expires where it is not', async () => {
    const device = await fleet.device();
    const heard = await device.hears();
    const { commandId } = await fleet.command(device.deviceId, 5);
    const settled = await fleet.hears('device.command.settled', device.deviceId, 1, 60_000);
    expect(settled).toMatchObject([{ commandId, outcome: 'expired' }]);
    expect(heard.length).toBeGreaterThan(1);
  });
});
