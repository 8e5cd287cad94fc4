import { createHash, pbkdf2Sync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { Code } from '#kit/core/errors';
import { CREDENTIAL_OVERLAP_MS } from './domain';
import { admin, elsewhere, sally, service, withDevice } from './testing';

type Bed = Awaited<ReturnType<typeof withDevice>>['bed'];

const accountsIn = (bed: Bed) => bed.call('listBrokerAccounts', {}, { caller: admin });

/** Whether a line of mosquitto's password file matches a password, computed as mosquitto does. */
function matches(password: string, line: string): boolean {
  const [, kind, iterations, salt = '', hash = ''] = line.split('$');
  expect(kind).toBe('7');
  const salted = Buffer.from(salt, 'base64');
  const computed = pbkdf2Sync(password, salted, Number(iterations), 64, 'sha512');
  return computed.equals(Buffer.from(hash, 'base64'));
}

describe('the broker accounts', () => {
  test('have the credentials of devices as passwords', async () => {
    const { bed, deviceId, credential, userName } = await withDevice();
    const { items, ...page } = await accountsIn(bed);
    expect(page).toMatchObject({ page: 1, limit: 20, total: 1 });
    expect(items).toMatchObject([{ userName, topic: `retail/default/${deviceId}` }]);
    const line = items[0]?.passwordHash ?? '';
    expect(matches(credential, line)).toBe(true);
    expect(matches(`${credential}x`, line)).toBe(false);
  });

  test('also have their passwords as salted SHA-256, for other brokers', async () => {
    const { bed, credential } = await withDevice();
    const { items } = await accountsIn(bed);
    const bytes = Buffer.from(items[0]?.saltedSha256 ?? '', 'base64');
    const [salt, hash] = [bytes.subarray(0, 4), bytes.subarray(4)];
    expect(hash).toEqual(createHash('sha256').update(salt).update(credential).digest());
  });

  test('are two for a device with two valid credentials', async () => {
    const { bed, deviceId, credential, userName } = await withDevice();
    const renewed = await bed.call('renewCredential', { deviceId }, { caller: sally });
    const { items } = await accountsIn(bed);
    expect(items.map((account) => account.userName)).toEqual([renewed.userName, userName]);
    expect(matches(renewed.credential, items[0]?.passwordHash ?? '')).toBe(true);
    expect(matches(credential, items[1]?.passwordHash ?? '')).toBe(true);
    bed.clock.advance(CREDENTIAL_OVERLAP_MS);
    const later = await accountsIn(bed);
    expect(later.items.map((account) => account.userName)).toEqual([renewed.userName]);
  });

  test('are the same text each time, so that an account file changes only when an account does', async () => {
    const { bed } = await withDevice();
    expect(await accountsIn(bed)).toEqual(await accountsIn(bed));
  });

  test('are returned in pages, with another salt for each device', async () => {
    const { bed, shopId } = await withDevice();
    await bed.call('registerDevice', { shopId, kind: 'shelf', name: 'B' }, { caller: sally });
    const page = async (page: number) => {
      const request = { page, limit: 1 };
      const { items, total } = await bed.call('listBrokerAccounts', request, { caller: admin });
      expect(total).toBe(2);
      return items.map(({ passwordHash }) => passwordHash.split('$')[3]);
    };
    const salts = [...(await page(1)), ...(await page(2))];
    expect(new Set(salts).size).toBe(2);
  });

  test('are returned to admins of the tenant only', async () => {
    const { bed } = await withDevice();
    for (const caller of [sally, service]) {
      const call = bed.call('listBrokerAccounts', {}, { caller });
      await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    }
    const theirs = await bed.call('listBrokerAccounts', {}, { caller: elsewhere(admin) });
    expect(theirs).toMatchObject({ items: [], total: 0 });
  });
});
