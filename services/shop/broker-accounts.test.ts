import { createHash, pbkdf2Sync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { Code } from '#kit/core/errors';
import { OVERLAP_MS } from './domain';
import { admin, elsewhere, sally, service, withDevice } from './testing';

type Bed = Awaited<ReturnType<typeof withDevice>>['bed'];

const accountsIn = (bed: Bed) => bed.call('listBrokerAccounts', {}, { caller: admin });

/** Whether a line of mosquitto's password file is of this password, reckoned as mosquitto does. */
function isOf(password: string, line: string): boolean {
  const [, kind, iterations, salt = '', hash = ''] = line.split('$');
  expect(kind).toBe('7');
  const salted = Buffer.from(salt, 'base64');
  const reckoned = pbkdf2Sync(password, salted, Number(iterations), 64, 'sha512');
  return reckoned.equals(Buffer.from(hash, 'base64'));
}

describe('the accounts at the broker', () => {
  test('have the credentials of devices for passwords', async () => {
    const { bed, deviceId, credential, userName } = await withDevice();
    const { items, ...page } = await accountsIn(bed);
    expect(page).toMatchObject({ page: 1, limit: 20, total: 1 });
    expect(items).toMatchObject([{ userName, topic: `retail/default/${deviceId}` }]);
    const line = items[0]?.passwordHash ?? '';
    expect(isOf(credential, line)).toBe(true);
    expect(isOf(`${credential}x`, line)).toBe(false);
  });

  test('are told as a broker takes them that salts SHA-256, as well', async () => {
    const { bed, credential } = await withDevice();
    const { items } = await accountsIn(bed);
    const told = Buffer.from(items[0]?.saltedSha256 ?? '', 'base64');
    const [salt, hash] = [told.subarray(0, 4), told.subarray(4)];
    expect(hash).toEqual(createHash('sha256').update(salt).update(credential).digest());
  });

  test('are two of a device, while two credentials are good', async () => {
    const { bed, deviceId, credential, userName } = await withDevice();
    const renewed = await bed.call('renewCredential', { deviceId }, { caller: sally });
    const { items } = await accountsIn(bed);
    expect(items.map((account) => account.userName)).toEqual([renewed.userName, userName]);
    expect(isOf(renewed.credential, items[0]?.passwordHash ?? '')).toBe(true);
    expect(isOf(credential, items[1]?.passwordHash ?? '')).toBe(true);
    bed.clock.advance(OVERLAP_MS);
    const later = await accountsIn(bed);
    expect(later.items.map((account) => account.userName)).toEqual([renewed.userName]);
  });

  test('are the same text each time, so that a file of them changes only with them', async () => {
    const { bed } = await withDevice();
    expect(await accountsIn(bed)).toEqual(await accountsIn(bed));
  });

  test('come in pages, each device with another salt', async () => {
    const { bed, shopId } = await withDevice();
    await bed.call('registerDevice', { shopId, kind: 'shelf', name: 'B' }, { caller: sally });
    const page = async (page: number) => {
      const request = { page, limit: 1 };
      const { items, total } = await bed.call('listBrokerAccounts', request, { caller: service });
      expect(total).toBe(2);
      return items.map(({ passwordHash }) => passwordHash.split('$')[3]);
    };
    const salts = [...(await page(1)), ...(await page(2))];
    expect(new Set(salts).size).toBe(2);
  });

  test('are told to admins and services, those of their tenant', async () => {
    const { bed } = await withDevice();
    const call = bed.call('listBrokerAccounts', {}, { caller: sally });
    await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    const theirs = await bed.call('listBrokerAccounts', {}, { caller: elsewhere(admin) });
    expect(theirs).toMatchObject({ items: [], total: 0 });
  });
});
