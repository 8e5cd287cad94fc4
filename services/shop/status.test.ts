import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { admin, elsewhere, sally, service, withDevice } from './testing';

const at = (second: number) => timestampFromDate(new Date(1_767_225_600_000 + second * 1000));

describe('the status of a device', () => {
  test('follows the newest report, in whatever order reports are delivered', async () => {
    const { bed, deviceId } = await withDevice();
    const report = (status: string, second: number) =>
      bed.call('updateDeviceStatus', { deviceId, status, at: at(second) }, { caller: service });
    expect((await report('online', 10)).status).toBe('online');
    expect((await report('offline', 30)).status).toBe('offline');
    expect((await report('online', 20)).status).toBe('offline');
    expect((await report('online', 30)).status).toBe('offline');
    expect((await report('online', 31)).status).toBe('online');
  });

  test('comes with the time of the last message and the firmware version', async () => {
    const { bed, deviceId } = await withDevice();
    const request = {
      deviceId,
      status: 'online',
      at: at(10),
      lastSeen: at(9),
      firmwareVersion: '3',
    };
    await bed.call('updateDeviceStatus', request, { caller: service });
    // a report without these fields leaves them unchanged
    const later = { deviceId, status: 'offline', at: at(20) };
    await bed.call('updateDeviceStatus', later, { caller: service });
    const device = await bed.call('getDevice', { deviceId }, { caller: sally });
    expect(device).toMatchObject({ status: 'offline', lastSeen: at(9), firmwareVersion: '3' });
  });

  test('stays retired', async () => {
    const { bed, deviceId } = await withDevice();
    await bed.call('retireDevice', { deviceId }, { caller: sally });
    const request = { deviceId, status: 'online', at: at(10) };
    const device = await bed.call('updateDeviceStatus', request, { caller: service });
    expect(device.status).toBe('retired');
  });

  test.each([
    ['status', { status: 'away' }],
    ['at', { at: undefined }],
    ['at', { at: { seconds: 10n ** 17n } }],
    ['lastSeen', { lastSeen: { seconds: -(10n ** 17n) } }],
    ['firmwareVersion', { firmwareVersion: '' }],
  ])('is refused for an invalid %s with its name', async (field, part) => {
    const { bed, deviceId } = await withDevice();
    const request = { deviceId, status: 'online', at: at(1), ...part };
    const call = bed.call('updateDeviceStatus', request, { caller: service });
    await expect(call).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [expect.objectContaining({ field })] },
    });
  });

  test('is reported by services of the tenant only', async () => {
    const { bed, deviceId } = await withDevice();
    const request = { deviceId, status: 'online', at: at(1) };
    await expect(bed.call('updateDeviceStatus', request, { caller: admin })).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
    });
    await expect(
      bed.call('updateDeviceStatus', request, { caller: elsewhere(service) }),
    ).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    const { deviceId } = await withDevice();
    const request = { deviceId, status: 'online', at: at(1) };
    await expectCrashSafe(
      async () => (await withDevice()).bed,
      (bed) => bed.call('updateDeviceStatus', request, { caller: service, id: 's1' }),
    );
  });
});
