import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SignJWT, UnsecuredJWT, importJWK } from 'jose';
import { Code } from '../core/errors';
import { FakeClock } from '../testing/fake-clock';
import { silentLog } from '../core/log';
import { loadSigningKey, loadPublicKeys } from './service-keys';
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
// what these tests read is what the kit has written
const readKey = (service: string) =>
  JSON.parse(readFileSync(file('private', service), 'utf8')) as Record<string, string>;

const refusal = (message: string) => ({
  code: Code.UNAUTHENTICATED,
  message,
  details: { reason: 'service_token' },
});

/** A token as order makes them, but for what is given; a claim that is undefined is left out. */
async function made(
  claims: Record<string, unknown> = {},
  { by = 'order', kid = readKey(by)['kid'] ?? '' } = {},
): Promise<string> {
  const now = Math.floor(clock.now() / 1000);
  const usual = { iss: 'order', sub: 'order', aud: 'inventory', iat: now, exp: now + 60 };
  const payload = JSON.parse(JSON.stringify({ ...usual, ...claims })) as object;
  return new SignJWT({ ...payload })
    .setProtectedHeader({ alg: 'ES256', kid })
    .sign(await importJWK(readKey(by), 'ES256'));
}

describe('a service', () => {
  it('is known by its token, to the service that the token is for', async () => {
    const token = await order.tokenFor('inventory');
    await expect(inventory.verifyCaller(token, 'order')).resolves.toBe('order');
    // a sidecar that is not asked adds nothing
    await expect(inventory.verifyCaller(token, undefined)).resolves.toBe('order');
    await expect(inventory.verifyCaller(await made(), 'order')).resolves.toBe('order');
  });

  it('that started later is known as well', async () => {
    await inventory.verifyCaller(await order.tokenFor('inventory'), 'order');
    const payment = await open('payment');
    const token = await payment.tokenFor('inventory');
    await expect(inventory.verifyCaller(token, 'payment')).resolves.toBe('payment');
  });

  it('makes one token for each service that it calls, and another in time', async () => {
    const first = await order.tokenFor('inventory');
    clock.advance(3 * MINUTE);
    expect(await order.tokenFor('inventory')).toBe(first);
    expect(await order.tokenFor('payment')).not.toBe(first);
    // every token that it uses is good for a minute yet
    await expect(inventory.verifyCaller(first, 'order')).resolves.toBe('order');
    clock.advance(MINUTE);
    const next = await order.tokenFor('inventory');
    expect(next).not.toBe(first);
    await expect(inventory.verifyCaller(next, 'order')).resolves.toBe('order');
  });

  it('keeps its key for nobody else to read', () => {
    expect(readdirSync(join(folder, 'public'))).toEqual(['inventory.json', 'order.json']);
    expect(readFileSync(file('public', 'order'), 'utf8')).not.toContain(readKey('order')['d']);
  });
});

describe('a call is turned away', () => {
  it.each<[string, string | undefined, () => Promise<string | undefined> | string | undefined]>([
    [
      'a call must show the token of the service that makes it',
      'order',
      () => Promise.resolve(undefined),
    ],
    ['the token is for calls of another service', 'order', () => order.tokenFor('payment')],
    ['the token is for calls of another service', 'order', () => made({ aud: 'inventory-2' })],
    ['the token is of another service than the one that calls', 'payment', () => made()],
    [
      'the token is of another service than the one that signed it',
      'payment',
      () => made({ iss: 'payment', sub: 'payment' }),
    ],
    [
      'the token is of another service than the one that signed it',
      'order',
      () => made({ sub: 'payment' }),
    ],
    ['the token is of a service that is not known', 'order', () => made({}, { kid: 'another' })],
    ['the token is of a service that is not known', 'order', () => made({}, { kid: '../order' })],
    ['the token is of a service that is not known', 'order', () => made({}, { kid: '' })],
    [
      'the token is not valid',
      'order',
      () => made({}, { by: 'inventory', kid: readKey('order')['kid'] ?? '' }),
    ],
    ['the token is not valid', 'order', () => 'order'],
    ['the token is not valid', 'order', () => made({ sub: undefined })],
    ['the token is not valid', 'order', () => made({ exp: undefined })],
    ['the token is not valid', 'order', () => made({ iat: undefined })],
    ['the token is not valid', 'order', () => made({ iat: clock.now() / 1000 + 3600 })],
    ['the token is not valid', 'order', () => new UnsecuredJWT({ sub: 'order' }).encode()],
    [
      'the token is not valid',
      'order',
      async () => {
        const { kid = '', x = '' } = readKey('order');
        const token = await made();
        const payload = JSON.parse(
          Buffer.from(token.split('.')[1] ?? '', 'base64url').toString(),
        ) as object;
        return new SignJWT({ ...payload })
          .setProtectedHeader({ alg: 'HS256', kid })
          .sign(Buffer.from(x.repeat(2)));
      },
    ],
  ])('%s (%s)', async (message, sidecarSays, token) => {
    await expect(inventory.verifyCaller(await token(), sidecarSays)).rejects.toMatchObject(
      refusal(message),
    );
  });

  it('with a token that was good until now', async () => {
    const token = await order.tokenFor('inventory');
    await inventory.verifyCaller(token, 'order');
    clock.advance(6 * MINUTE);
    await expect(inventory.verifyCaller(token, 'order')).rejects.toMatchObject(
      refusal('the token has expired'),
    );
  });

  it('with a token that was made to last', async () => {
    const token = await made({ exp: clock.now() / 1000 + 24 * 3600 });
    await inventory.verifyCaller(token, 'order');
    clock.advance(6 * MINUTE);
    await expect(inventory.verifyCaller(token, 'order')).rejects.toMatchObject(
      refusal('the token has expired'),
    );
  });

  it('though its token is good, where another calls with it', async () => {
    const token = await order.tokenFor('inventory');
    await inventory.verifyCaller(token, 'order');
    await expect(inventory.verifyCaller(token, 'payment')).rejects.toMatchObject(
      refusal('the token is of another service than the one that calls'),
    );
  });
});

describe('another key', () => {
  const change = async () => {
    rmSync(file('private', 'order'));
    return open('order');
  };

  it('is taken at once, and that of before meanwhile', async () => {
    await inventory.verifyCaller(await order.tokenFor('inventory'), 'order');
    const renewed = await change();
    clock.advance(4 * MINUTE);
    // the other replica signs with the key of before until it starts anew
    for (const token of [await order.tokenFor('inventory'), await renewed.tokenFor('inventory')]) {
      await expect(inventory.verifyCaller(token, 'order')).resolves.toBe('order');
    }
  });

  it('takes the place of the last but one, within two minutes', async () => {
    const token = await order.tokenFor('inventory');
    await inventory.verifyCaller(token, 'order');
    await change();
    await change();
    clock.advance(MINUTE);
    await expect(inventory.verifyCaller(token, 'order')).rejects.toMatchObject(
      refusal('the token is of a service that is not known'),
    );
  });

  it('is the same for replicas that start together', async () => {
    rmSync(file('private', 'order'));
    const replicas = await Promise.all([open('order'), open('order'), open('order')]);
    for (const replica of replicas) {
      const token = await replica.tokenFor('inventory');
      await expect(inventory.verifyCaller(token, 'order')).resolves.toBe('order');
    }
    expect(readdirSync(join(folder, 'private'))).toEqual(['inventory.json', 'order.json']);
  });

  it('of one service that cannot be read keeps nobody else out', async () => {
    writeFileSync(file('public', 'payment'), '{');
    await expect(inventory.verifyCaller(await order.tokenFor('inventory'), 'order')).resolves.toBe(
      'order',
    );
  });
});

describe('the folder of keys', () => {
  const part = () => join(folder, 'public');
  const away = () => {
    renameSync(part(), `${part()}.away`);
  };
  const back = () => {
    renameSync(`${part()}.away`, part());
  };

  it('may be away: who is known stays known, and a change is seen when it is back', async () => {
    await inventory.verifyCaller(await order.tokenFor('inventory'), 'order');
    const payment = await open('payment');
    away();
    for (let minute = 0; minute < 10; minute++) {
      clock.advance(MINUTE);
      await expect(inventory.verifyCaller(await made(), 'order')).resolves.toBe('order');
    }
    // it may work when it is tried again, and is no fault of who calls
    await expect(
      inventory.verifyCaller(await payment.tokenFor('inventory'), 'payment'),
    ).rejects.toMatchObject({ code: Code.UNAVAILABLE });

    back();
    rmSync(file('public', 'order'));
    await expect(
      inventory.verifyCaller(await payment.tokenFor('inventory'), 'payment'),
    ).resolves.toBe('payment');
    await expect(inventory.verifyCaller(await made(), 'order')).rejects.toMatchObject(
      refusal('the token is of a service that is not known'),
    );
  });

  it('is read once a second at most, whatever keys are made up', async () => {
    const readAt: number[] = [];
    const read = async () => {
      readAt.push(clock.now());
      return loadPublicKeys(folder, silentLog);
    };
    const own = await loadSigningKey(folder, 'inventory');
    const careful = new ServiceTokens('inventory', own, read, clock, silentLog);
    for (let round = 0; round < 3; round++) {
      const tokens = await Promise.all(
        Array.from({ length: 20 }, (_, n) => made({}, { kid: `made-up-${String(n)}` })),
      );
      const answers = await Promise.allSettled(
        tokens.map((it) => careful.verifyCaller(it, 'order')),
      );
      expect(answers.every(({ status }) => status === 'rejected')).toBe(true);
    }
    const rests = readAt.slice(1).map((at, nth) => at - (readAt[nth] ?? 0));
    expect(rests.length).toBeGreaterThan(0);
    expect(rests.every((rest) => rest >= 1_000)).toBe(true);
    // nobody who is known waits
    const before = [readAt.length, clock.now()];
    await expect(careful.verifyCaller(await made(), 'order')).resolves.toBe('order');
    expect([readAt.length, clock.now()]).toEqual(before);
  });
});
