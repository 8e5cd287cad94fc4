import { describe, expect, it, test } from '@jest/globals';
import { DeviceStatusUpdated } from '#contracts/iot-gateway';
import { refused, unavailable } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { FakeServices, admin, deliver, rejectionsOf } from '../testing/fixtures';
import { published, setUp } from '../testing/presence';

const SECOND_MS = 1_000;

describe('a device that reports its status', () => {
  it('is published as online immediately, and only once', async () => {
    const { services, bed, reportStatus } = setUp();
    await reportStatus('online');
    expect(published(bed)).toEqual(['d1 online']);
    expect(bed.published(DeviceStatusUpdated)).toEqual([
      {
        deviceId: 'd1',
        shopId: 'shop_1',
        status: 'online',
        lastSeen: '2026-01-01T00:00:00.000Z',
      },
    ]);
    await reportStatus('online');
    expect(published(bed)).toEqual(['d1 online']);
    expect(services.statusUpdates).toEqual(['d1 online']);
  });

  it('does not cost a write for each heartbeat', async () => {
    const { bed, reportStatus, advance, presence } = setUp();
    await reportStatus('online');
    bed.injectFaults({});
    for (let beat = 0; beat < 10; beat++) await reportStatus('online');
    expect(bed.sidecar.effects).toBe(0);
    await advance(4);
    // one write for all of them
    expect(bed.sidecar.saves).toBe(1);
    await expect(presence()).resolves.toMatchObject({ status: 'online' });
  });

  it('is offline immediately if it reports that', async () => {
    const { bed, reportStatus } = setUp();
    await reportStatus('online');
    await reportStatus('offline');
    expect(published(bed)).toEqual(['d1 online', 'd1 offline']);
  });

  it('has a lastSeen that includes messages which are not stored yet', async () => {
    const { services, reportStatus, presence } = setUp();
    await reportStatus('online');
    const before = await presence();
    services.clock.advance(3 * SECOND_MS);
    await reportStatus('online');
    const after = await presence();
    expect(after.lastSeen!.seconds - before.lastSeen!.seconds).toBe(3n);
  });

  it('reports a changed firmware version to the shop service', async () => {
    const { services, bed, reportStatus } = setUp();
    await reportStatus('online', { firmwareVersion: '1.0' });
    await reportStatus('online', { firmwareVersion: '1.0' });
    await reportStatus('online', { firmwareVersion: '1.1' });
    expect(services.statusUpdates).toEqual(['d1 online', 'd1 online']);
    expect(published(bed)).toEqual(['d1 online']);
  });

  it('is published once, crash safe', async () => {
    await expectCrashSafe(
      () => new FakeServices().bed(),
      (bed) => deliver(bed, new FakeServices().signer().sign('status', { status: 'online' })),
    );
  });

  it('is published once by the replicas that handle its messages', async () => {
    const { services, bed, reportStatus, signer, advance } = setUp();
    const other = services.bed(bed.memory);
    await reportStatus('online');
    await deliver(other, signer.sign('status', { status: 'online' }));
    await reportStatus('offline');
    // the other replica does not know yet that the device is offline
    await deliver(other, signer.sign('status', { status: 'online' }));
    await other.runIntervalTask('presence');
    await advance(0);
    expect(published(bed)).toEqual(['d1 online', 'd1 offline', 'd1 online']);
  });

  it('is retried while the shop service is unavailable', async () => {
    const { services, bed, signer } = setUp();
    await deliver(bed, signer.sign('telemetry', {}));
    services.failures.push(unavailable('shop is unavailable'));
    const message = signer.sign('status', { status: 'online' });
    await expect(deliver(bed, message)).rejects.toThrow('shop is unavailable');
    await deliver(bed, message);
    expect(services.statusUpdates).toEqual(['d1 online']);
    expect(published(bed)).toEqual(['d1 online']);
  });

  it('is published even if the shop service refuses its status', async () => {
    const { services, bed, signer } = setUp();
    await deliver(bed, signer.sign('telemetry', {}));
    services.failures.push(refused('retired', 'the device is retired'));
    await deliver(bed, signer.sign('status', { status: 'online' }));
    expect(published(bed)).toEqual(['d1 online']);
  });
});

describe('an older status changes nothing', () => {
  it('by the sequence numbers of one boot', async () => {
    const { bed, signer } = setUp();
    const [first, second] = (['online', 'offline'] as const).map((status) =>
      signer.sign('status', { status }),
    );
    await deliver(bed, second!);
    await deliver(bed, first!);
    expect(published(bed)).toEqual(['d1 offline']);
    await expect(rejectionsOf(bed)).resolves.toEqual(['status out_of_order']);
  });

  it('if it is of a start before the newest', async () => {
    const { bed, services, signer, advance, reportStatus } = setUp();
    await reportStatus('online');
    const delayed = signer.sign('status', { status: 'offline' });
    const next = services.signer('d1', { boot: 'boot-2' });
    await deliver(bed, next.sign('status', { status: 'online' }));
    await deliver(bed, delayed);
    await advance(0);
    expect(published(bed)).toEqual(['d1 online']);
    await expect(rejectionsOf(bed)).resolves.toEqual(['status earlier_start']);
  });

  it('by the number of its start, if the device counts its starts', async () => {
    const { bed, services, advance } = setUp();
    const report = (start: number, status: string, ahead = 0) =>
      services.signer('d1', { boot: `boot-${start}`, start, ahead }).sign('status', { status });
    await deliver(bed, report(8, 'online', -600 * SECOND_MS));
    await deliver(bed, report(7, 'offline'));
    await advance(0);
    expect(published(bed)).toEqual(['d1 online']);
    await expect(rejectionsOf(bed)).resolves.toEqual(['status earlier_start']);
    await deliver(bed, report(9, 'offline', -3_600 * SECOND_MS));
    expect(published(bed)).toEqual(['d1 online', 'd1 offline']);
  });
});

test('the presence of an unknown device is not found', async () => {
  const { bed } = setUp();
  const call = (deviceId: string) => bed.call('getPresence', { deviceId }, { caller: admin });
  await expect(call('unknown')).rejects.toThrow('device not found');
  await expect(call('d2')).resolves.toMatchObject({ status: 'unknown' });
});
