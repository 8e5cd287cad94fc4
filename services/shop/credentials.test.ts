import { describe, expect, test } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { credentialOf } from './device-key';
import { CREDENTIAL_OVERLAP_MS, MAX_CREDENTIALS } from './domain';
import { KEY, admin, bob, elsewhere, sally, service, withDevice } from './testing';

async function withRenewed() {
  const first = await withDevice();
  const { bed, deviceId } = first;
  const second = await bed.call('renewCredential', { deviceId }, { caller: sally });
  return { ...first, second };
}

const keysOf = async ({ bed, deviceId }: Awaited<ReturnType<typeof withDevice>>) =>
  (await bed.call('identifyDevice', { deviceId }, { caller: service })).keys;

describe('the credential of a device', () => {
  test('is the key that its messages are signed with', async () => {
    const { bed, shopId, deviceId, credential, userName } = await withDevice();
    expect(credential).toMatch(/^[\w-]{43}$/);
    expect(credential).toBe(credentialOf(KEY, 'default', deviceId, 1));
    expect(userName).toBe(`default/${deviceId}/1`);
    const identity = await bed.call('identifyDevice', { deviceId }, { caller: service });
    expect(identity).toMatchObject({
      deviceId,
      shopId,
      kind: 'vending_machine',
      retired: false,
      keys: [credential],
    });
  });

  test('differs for each device, tenant, version and master key', () => {
    const all = [
      credentialOf(KEY, 'default', 'd1', 1),
      credentialOf(KEY, 'default', 'd1', 2),
      credentialOf(KEY, 'default', 'd2', 1),
      credentialOf(KEY, 'other', 'd1', 1),
      credentialOf(`${KEY}x`, 'default', 'd1', 1),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  test('is returned to services of the tenant only', async () => {
    const { bed, deviceId } = await withDevice();
    for (const [caller, code] of [
      [admin, Code.PERMISSION_DENIED],
      [sally, Code.PERMISSION_DENIED],
      [elsewhere(service), Code.NOT_FOUND],
    ] as const) {
      const call = bed.call('identifyDevice', { deviceId }, { caller });
      await expect(call).rejects.toMatchObject({ code });
    }
  });
});

describe('a renewed credential', () => {
  test('is valid immediately, and the previous one for another day', async () => {
    const renewed = await withRenewed();
    const { bed, deviceId, credential, second } = renewed;
    expect(second.userName).toBe(`default/${deviceId}/2`);
    expect(await keysOf(renewed)).toEqual([second.credential, credential]);
    bed.clock.advance(CREDENTIAL_OVERLAP_MS - 1);
    expect(await keysOf(renewed)).toHaveLength(2);
    bed.clock.advance(1);
    expect(await keysOf(renewed)).toEqual([second.credential]);
  });

  test('does not extend the validity of earlier ones', async () => {
    const renewed = await withRenewed();
    const { bed, deviceId, second } = renewed;
    bed.clock.advance(CREDENTIAL_OVERLAP_MS / 2);
    const third = await bed.call('renewCredential', { deviceId }, { caller: sally });
    expect(await keysOf(renewed)).toHaveLength(3);
    bed.clock.advance(CREDENTIAL_OVERLAP_MS / 2);
    expect(await keysOf(renewed)).toEqual([third.credential, second.credential]);
  });

  test('is the only valid one if it was requested with atOnce', async () => {
    const renewed = await withRenewed();
    const { bed, deviceId } = renewed;
    const request = { deviceId, atOnce: true };
    const third = await bed.call('renewCredential', request, { caller: sally });
    expect(await keysOf(renewed)).toEqual([third.credential]);
  });

  test('is the same when the request is repeated under the same key', async () => {
    const device = await withDevice();
    const { bed, deviceId } = device;
    const options = { caller: sally, id: 'k1', hasIdempotencyKey: true };
    const first = await bed.call('renewCredential', { deviceId }, options);
    // longer than a document keeps an inbox entry
    bed.clock.advance(3_600_000);
    expect(await bed.call('renewCredential', { deviceId }, options)).toEqual(first);
    expect(await keysOf(device)).toHaveLength(2);
  });

  test('is refused while too many are valid', async () => {
    const { bed, deviceId } = await withDevice();
    const renew = () => bed.call('renewCredential', { deviceId }, { caller: sally });
    for (let more = 1; more < MAX_CREDENTIALS; more++) await renew();
    await expect(renew()).rejects.toMatchObject({ details: { reason: 'renewed_too_often' } });
    bed.clock.advance(CREDENTIAL_OVERLAP_MS);
    await renew();
  });

  test('is returned only for a device that the caller manages', async () => {
    const { bed, deviceId } = await withDevice();
    for (const caller of [bob, elsewhere(admin)]) {
      const call = bed.call('renewCredential', { deviceId }, { caller });
      await expect(call).rejects.toMatchObject({ code: Code.NOT_FOUND });
    }
    const call = bed.call('renewCredential', { deviceId }, { caller: service });
    await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    const { deviceId } = await withDevice();
    await expectCrashSafe(
      async () => (await withDevice()).bed,
      (bed) => bed.call('renewCredential', { deviceId }, { caller: sally, id: 'r1' }),
    );
  });
});
