import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SignJWT, UnsecuredJWT, importJWK } from 'jose';
import { Code } from '../core/errors';
import { FakeClock } from '../testing/fake-clock';
import { silentLog } from '../core/log';
import { loadSigningKey, loadPublicKeys } from './service-keys';
import { PublicKeyRing } from './public-key-ring';
import { ServiceTokens } from './service-tokens';

const MINUTE = 60_000;
const folders: string[] = [];
let folder: string;
let clock: FakeClock;
let inventory: ServiceTokens;
let order: ServiceTokens;

const open = (service: string) => ServiceTokens.open(service, folder, clock, silentLog);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'service-keys-'));
  folders.push(folder);
  clock = new FakeClock();
  inventory = await open('inventory');
  order = await open('order');
});
afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true });
});

const file = (part: 'private' | 'public', service: string) => join(folder, part, `${service}.json`);
// the kit has written these files, so they have this type
const readKey = (service: string) =>
  JSON.parse(readFileSync(file('private', service), 'utf8')) as Record<string, string>;

const refusal = (message: string) => ({
  code: Code.UNAUTHENTICATED,
  message,
  details: { reason: 'service_token' },
});

/** A token of order, except for the given claims. A claim that is undefined is omitted. */
async function tokenWith(
  claims: Record<string, unknown> = {},
  { by = 'order', kid = readKey(by)['kid'] ?? '' } = {},
): Promise<string> {
  const now = Math.floor(clock.now() / 1000);
  const defaults = { iss: 'order', sub: 'order', aud: 'inventory', iat: now, exp: now + 60 };
  const payload = JSON.parse(JSON.stringify({ ...defaults, ...claims })) as object;
  return new SignJWT({ ...payload })
    .setProtectedHeader({ alg: 'ES256', kid })
    .sign(await importJWK(readKey(by), 'ES256'));
}

describe('a service with a key', () => {
  it('is identified by its token to the audience of the token', async () => {
    const token = await order.tokenFor('inventory');
    await expect(inventory.verifyCaller(token, 'order')).resolves.toBe('order');
    // the sidecar does not name the caller in every call
    await expect(inventory.verifyCaller(token, undefined)).resolves.toBe('order');
    await expect(inventory.verifyCaller(await tokenWith(), 'order')).resolves.toBe('order');
  });

  it('is identified also if it started after the callee', async () => {
    await inventory.verifyCaller(await order.tokenFor('inventory'), 'order');
    const payment = await open('payment');
    const token = await payment.tokenFor('inventory');
    await expect(inventory.verifyCaller(token, 'payment')).resolves.toBe('payment');
  });

  it('reuses a token for each callee, and renews it before it expires', async () => {
    const first = await order.tokenFor('inventory');
    clock.advance(3 * MINUTE);
    expect(await order.tokenFor('inventory')).toBe(first);
    expect(await order.tokenFor('payment')).not.toBe(first);
    // a token that is used is valid for another minute
    await expect(inventory.verifyCaller(first, 'order')).resolves.toBe('order');
    clock.advance(MINUTE);
    const next = await order.tokenFor('inventory');
    expect(next).not.toBe(first);
    await expect(inventory.verifyCaller(next, 'order')).resolves.toBe('order');
  });

  it('publishes only its public key', () => {
    expect(readdirSync(join(folder, 'public'))).toEqual(['inventory.json', 'order.json']);
    expect(readFileSync(file('public', 'order'), 'utf8')).not.toContain(readKey('order')['d']);
  });
});

describe('a call is refused', () => {
  it.each<[string, string | undefined, () => Promise<string | undefined> | string | undefined]>([
    ['a call must present a service token', 'order', () => Promise.resolve(undefined)],
    ['the token is for calls to another service', 'order', () => order.tokenFor('payment')],
    ['the token is for calls to another service', 'order', () => tokenWith({ aud: 'inventory-2' })],
    ['the token belongs to another service than the caller', 'payment', () => tokenWith()],
    [
      'the token names another service than the one that signed it',
      'payment',
      () => tokenWith({ iss: 'payment', sub: 'payment' }),
    ],
    [
      'the token names another service than the one that signed it',
      'order',
      () => tokenWith({ sub: 'payment' }),
    ],
    ['the token is signed with an unknown key', 'order', () => tokenWith({}, { kid: 'another' })],
    ['the token is signed with an unknown key', 'order', () => tokenWith({}, { kid: '../order' })],
    ['the token is signed with an unknown key', 'order', () => tokenWith({}, { kid: '' })],
    [
      'the token is invalid',
      'order',
      () => tokenWith({}, { by: 'inventory', kid: readKey('order')['kid'] ?? '' }),
    ],
    ['the token is invalid', 'order', () => 'order'],
    ['the token is invalid', 'order', () => tokenWith({ sub: undefined })],
    ['the token is invalid', 'order', () => tokenWith({ exp: undefined })],
    ['the token is invalid', 'order', () => tokenWith({ iat: undefined })],
    ['the token is invalid', 'order', () => tokenWith({ iat: clock.now() / 1000 + 3600 })],
    ['the token is invalid', 'order', () => new UnsecuredJWT({ sub: 'order' }).encode()],
    [
      'the token is invalid',
      'order',
      async () => {
        const { kid = '', x = '' } = readKey('order');
        const token = await tokenWith();
        const payload = JSON.parse(
          Buffer.from(token.split('.')[1] ?? '', 'base64url').toString(),
        ) as object;
        return new SignJWT({ ...payload })
          .setProtectedHeader({ alg: 'HS256', kid })
          .sign(Buffer.from(x.repeat(2)));
      },
    ],
  ])('%s (%s)', async (message, sidecarCaller, token) => {
    await expect(inventory.verifyCaller(await token(), sidecarCaller)).rejects.toMatchObject(
      refusal(message),
    );
  });

  it('if its token has expired since it was verified', async () => {
    const token = await order.tokenFor('inventory');
    await inventory.verifyCaller(token, 'order');
    clock.advance(6 * MINUTE);
    await expect(inventory.verifyCaller(token, 'order')).rejects.toMatchObject(
      refusal('the token has expired'),
    );
  });

  it('if its token has a longer lifetime than allowed', async () => {
    const token = await tokenWith({ exp: clock.now() / 1000 + 24 * 3600 });
    await inventory.verifyCaller(token, 'order');
    clock.advance(6 * MINUTE);
    await expect(inventory.verifyCaller(token, 'order')).rejects.toMatchObject(
      refusal('the token has expired'),
    );
  });

  it('if another service presents a valid token', async () => {
    const token = await order.tokenFor('inventory');
    await inventory.verifyCaller(token, 'order');
    await expect(inventory.verifyCaller(token, 'payment')).rejects.toMatchObject(
      refusal('the token belongs to another service than the caller'),
    );
  });
});

describe('a new key', () => {
  const rotate = async () => {
    rmSync(file('private', 'order'));
    return open('order');
  };

  it('is accepted immediately, and so is the key before it', async () => {
    await inventory.verifyCaller(await order.tokenFor('inventory'), 'order');
    const renewed = await rotate();
    clock.advance(4 * MINUTE);
    // another replica signs with the old key until it restarts
    for (const token of [await order.tokenFor('inventory'), await renewed.tokenFor('inventory')]) {
      await expect(inventory.verifyCaller(token, 'order')).resolves.toBe('order');
    }
  });

  it('replaces the key before the last one within two minutes', async () => {
    const token = await order.tokenFor('inventory');
    await inventory.verifyCaller(token, 'order');
    await rotate();
    await rotate();
    clock.advance(MINUTE);
    await expect(inventory.verifyCaller(token, 'order')).rejects.toMatchObject(
      refusal('the token is signed with an unknown key'),
    );
  });

  it('is the same for replicas that start concurrently', async () => {
    rmSync(file('private', 'order'));
    const replicas = await Promise.all([open('order'), open('order'), open('order')]);
    for (const replica of replicas) {
      const token = await replica.tokenFor('inventory');
      await expect(inventory.verifyCaller(token, 'order')).resolves.toBe('order');
    }
    expect(readdirSync(join(folder, 'private'))).toEqual(['inventory.json', 'order.json']);
  });

  it('of one service that cannot be read does not affect other services', async () => {
    writeFileSync(file('public', 'payment'), '{');
    await expect(inventory.verifyCaller(await order.tokenFor('inventory'), 'order')).resolves.toBe(
      'order',
    );
  });
});

describe('the folder with the keys', () => {
  const publicFolder = () => join(folder, 'public');
  const hide = () => {
    renameSync(publicFolder(), `${publicFolder()}-hidden`);
  };
  const restore = () => {
    renameSync(`${publicFolder()}-hidden`, publicFolder());
  };

  it('can be unavailable: known keys stay valid, and changes are read when it is back', async () => {
    await inventory.verifyCaller(await order.tokenFor('inventory'), 'order');
    const payment = await open('payment');
    hide();
    for (let minute = 0; minute < 10; minute++) {
      clock.advance(MINUTE);
      await expect(inventory.verifyCaller(await tokenWith(), 'order')).resolves.toBe('order');
    }
    // a retry may succeed, so the caller is not refused
    await expect(
      inventory.verifyCaller(await payment.tokenFor('inventory'), 'payment'),
    ).rejects.toMatchObject({ code: Code.UNAVAILABLE });

    restore();
    rmSync(file('public', 'order'));
    await expect(
      inventory.verifyCaller(await payment.tokenFor('inventory'), 'payment'),
    ).resolves.toBe('payment');
    await expect(inventory.verifyCaller(await tokenWith(), 'order')).rejects.toMatchObject(
      refusal('the token is signed with an unknown key'),
    );
  });

  it('is read at most once a second, however many unknown keys arrive', async () => {
    const readAt: number[] = [];
    const read = async () => {
      readAt.push(clock.now());
      return loadPublicKeys(folder, silentLog);
    };
    const own = await loadSigningKey(folder, 'inventory');
    const ring = new PublicKeyRing(read, clock, silentLog);
    const tokens = new ServiceTokens('inventory', own, ring, clock);
    for (let round = 0; round < 3; round++) {
      const unknown = await Promise.all(
        Array.from({ length: 20 }, (_, n) => tokenWith({}, { kid: `unknown-${String(n)}` })),
      );
      const results = await Promise.allSettled(
        unknown.map((it) => tokens.verifyCaller(it, 'order')),
      );
      expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    }
    const pauses = readAt.slice(1).map((at, nth) => at - (readAt[nth] ?? 0));
    expect(pauses.length).toBeGreaterThan(0);
    expect(pauses.every((pause) => pause >= 1_000)).toBe(true);
    // a caller with a known key does not wait
    const before = [readAt.length, clock.now()];
    await expect(tokens.verifyCaller(await tokenWith(), 'order')).resolves.toBe('order');
    expect([readAt.length, clock.now()]).toEqual(before);
  });
});
