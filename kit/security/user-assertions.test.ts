import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SignJWT, UnsecuredJWT, decodeJwt, importJWK } from 'jose';
import type { Caller } from '../core/caller';
import { REQUEST_BUDGET_MS } from '../core/call-context';
import { Code } from '../core/errors';
import { silentLog } from '../core/log';
import { FakeClock } from '../testing/fake-clock';
import { PublicKeyRing } from './public-key-ring';
import { loadPublicKeys, loadSigningKey } from './service-keys';
import { ServiceTokens } from './service-tokens';
import { EDGE, UserAssertionSigner, UserAssertionVerifier } from './user-assertions';

const ada: Caller = { userId: 'ada', role: 'admin', tenantId: 'acme' };

let folder: string;
let clock: FakeClock;
let edge: UserAssertionSigner;
let verifier: UserAssertionVerifier;

const openEdge = async () => new UserAssertionSigner(await loadSigningKey(folder, EDGE), clock);
const openVerifier = () =>
  new UserAssertionVerifier(PublicKeyRing.of(folder, clock, silentLog), clock);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'user-assertions-'));
  clock = new FakeClock();
  edge = await openEdge();
  verifier = openVerifier();
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const refusal = (message: string) => ({
  code: Code.UNAUTHENTICATED,
  message: `the assertion of the user ${message}`,
  details: { reason: 'user_assertion' },
});

describe('an assertion', () => {
  it.each<Caller>([
    ada,
    { userId: 'bob', role: 'seller', tenantId: 'default' },
    { userId: 'ann', role: 'customer', tenantId: 'default' },
    { userId: 'key_1', role: 'seller', tenantId: 'default' },
    { userId: 'key_1', role: 'seller', tenantId: 'default', ownerId: 'bob' },
  ])('proves the user, the role and the tenant: $userId $role', async (caller) => {
    const assertion = await edge.assertionOf(caller);
    await expect(verifier.verify(assertion)).resolves.toEqual(caller);
    // from the cache
    await expect(verifier.verify(assertion)).resolves.toEqual(caller);
  });

  it('is signed once for a user, and outlives each request that begins with it', async () => {
    const first = await edge.assertionOf(ada);
    clock.advance(24_000);
    const last = await edge.assertionOf(ada);
    expect(last).toBe(first);
    clock.advance(REQUEST_BUDGET_MS);
    await expect(openVerifier().verify(last)).resolves.toEqual(ada);
    expect(await edge.assertionOf(ada)).not.toBe(first);
  });

  it('is another one for another user, role or tenant', async () => {
    const callers: Caller[] = [
      ada,
      { ...ada, userId: 'eve' },
      { ...ada, role: 'seller' },
      { ...ada, tenantId: 'default' },
      { ...ada, ownerId: 'eve' },
    ];
    const all = await Promise.all(callers.map((caller) => edge.assertionOf(caller)));
    expect(new Set(all).size).toBe(callers.length);
  });

  it('is valid for at most a minute', async () => {
    const { iat = 0, exp = 0 } = decodeJwt(await edge.assertionOf(ada));
    expect(exp - iat).toBe(60);
  });

  it('expires, also where it was verified before', async () => {
    const assertion = await edge.assertionOf(ada);
    await verifier.verify(assertion);
    clock.advance(71_000);
    for (const one of [verifier, openVerifier()]) {
      await expect(one.verify(assertion)).rejects.toMatchObject(refusal('has expired'));
    }
  });

  it('is valid although clocks differ by a few seconds', async () => {
    const assertion = await edge.assertionOf(ada);
    const behind = new FakeClock();
    behind.advance(-5_000);
    const other = new UserAssertionVerifier(PublicKeyRing.of(folder, behind, silentLog), behind);
    await expect(other.verify(assertion)).resolves.toEqual(ada);
  });
});

describe('an assertion is refused', () => {
  const keyOf = async (service: string) => {
    await loadSigningKey(folder, service);
    // the form that the kit writes
    return JSON.parse(readFileSync(join(folder, 'private', `${service}.json`), 'utf8')) as Record<
      string,
      string
    >;
  };
  /** An assertion of a service, whose claims and header are those of a valid one but for these. */
  const forged = async (
    service: string,
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
  ) => {
    const jwk = await keyOf(service);
    const now = Math.floor(clock.now() / 1000);
    const { kid = '' } = jwk;
    return new SignJWT({
      ...{ iss: EDGE, sub: 'ada', aud: 'services', iat: now, exp: now + 60 },
      ...{ role: 'admin', tenant: 'acme', ...claims },
    })
      .setProtectedHeader({ alg: 'ES256', kid, typ: 'user-assertion+jwt', ...header })
      .sign(await importJWK(jwk, 'ES256'));
  };

  it('but not if the edge has signed it', async () => {
    await expect(verifier.verify(await forged(EDGE))).resolves.toEqual(ada);
  });

  it.each<[string, string, () => Promise<string>]>([
    ['another service signed it', 'is not signed by the edge', () => forged('notification')],
    [
      'another service signed it and names itself',
      'is not signed by the edge',
      () => forged('notification', { iss: 'notification' }),
    ],
    [
      'another service signed it under the key id of the edge',
      'is invalid',
      async () => forged('notification', {}, { kid: (await keyOf(EDGE))['kid'] }),
    ],
    ['its key is unknown', 'is not signed by the edge', () => forged(EDGE, {}, { kid: '../x' })],
    ['it has no key', 'is not signed by the edge', () => forged(EDGE, {}, { kid: undefined })],
    ['it names another issuer', 'is invalid', () => forged(EDGE, { iss: 'user' })],
    ['it is for another audience', 'is invalid', () => forged(EDGE, { aud: 'omnichannel' })],
    ['it is for no audience', 'is invalid', () => forged(EDGE, { aud: undefined })],
    ['it has the type of another token', 'is invalid', () => forged(EDGE, {}, { typ: 'JWT' })],
    ['it has no expiry', 'is invalid', () => forged(EDGE, { exp: undefined })],
    ['it has no time', 'is invalid', () => forged(EDGE, { iat: undefined })],
    [
      'it was signed for longer than a minute, after a minute',
      'has expired',
      () => {
        const now = clock.now() / 1000;
        return forged(EDGE, { iat: now - 71, exp: now + 3_600 });
      },
    ],
    ['it is of the future', 'is invalid', () => forged(EDGE, { iat: clock.now() / 1000 + 60 })],
    ['its role is not that of a user', 'is invalid', () => forged(EDGE, { role: 'service' })],
    ['its role is unknown', 'is invalid', () => forged(EDGE, { role: 'root' })],
    ['it has several roles', 'is invalid', () => forged(EDGE, { role: ['customer', 'admin'] })],
    ['it names no user', 'is invalid', () => forged(EDGE, { sub: '' })],
    ['it acts for no valid user', 'is invalid', () => forged(EDGE, { owner: '' })],
    ['it names no tenant', 'is invalid', () => forged(EDGE, { tenant: undefined })],
    [
      'it is not signed',
      'is invalid',
      async () => {
        const claims = decodeJwt(await forged(EDGE));
        return new UnsecuredJWT(claims).encode();
      },
    ],
    [
      'a claim was changed',
      'is invalid',
      async () => {
        const [header, , signature] = (await edge.assertionOf({ ...ada, role: 'customer' })).split(
          '.',
        );
        const claims = decodeJwt(await edge.assertionOf(ada));
        return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join(
          '.',
        );
      },
    ],
    [
      'it is a service token of the edge',
      'is invalid',
      async () => (await ServiceTokens.open(EDGE, folder, clock, silentLog)).tokenFor('services'),
    ],
    ['it is not a token', 'is invalid', () => Promise.resolve('ada admin')],
  ])('if %s', async (_, message, assertion) => {
    await expect(verifier.verify(await assertion())).rejects.toMatchObject(refusal(message));
  });

  it('with UNAVAILABLE while the keys cannot be read, as a retry may succeed', async () => {
    const assertion = await edge.assertionOf(ada);
    rmSync(join(folder, 'public'), { recursive: true });
    await expect(openVerifier().verify(assertion)).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
    });
  });
});

describe('the key of the edge', () => {
  it('is shared by its replicas', async () => {
    const replica = await openEdge();
    for (const one of [edge, replica]) {
      await expect(verifier.verify(await one.assertionOf(ada))).resolves.toEqual(ada);
    }
    expect((await loadPublicKeys(folder, silentLog)).length).toBe(1);
  });

  it('can be replaced while a replica still signs with the one before', async () => {
    await verifier.verify(await edge.assertionOf(ada));
    rmSync(join(folder, 'private', `${EDGE}.json`));
    const renewed = await openEdge();
    clock.advance(2_000);
    const eve = { ...ada, userId: 'eve' };
    for (const one of [renewed, edge]) {
      await expect(verifier.verify(await one.assertionOf(eve))).resolves.toEqual(eve);
    }
  });
});
