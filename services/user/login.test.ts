import { describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from '#retail/session-token';
import { type Testbed, testbed } from '#kit/testing/testbed';
import { UserCreated } from '#contracts/user';
import { user } from './service';
import { config } from './testing';
import { unseal } from './secrets';
import type { SigningKeySet } from './signing-keys';
import { KEY_LEAD_MS, KEY_ROTATION_MS } from './timeouts';

const anna = { email: 'anna@example.com', password: 'correct horse', name: 'Anna' };
const admin = { email: 'admin@example.com', password: 'first of all' };
const caller = { userId: '', role: 'anonymous', tenantId: 'default' } as const;
type Bed = Testbed<(typeof user)['definition']>;
const build = (): Bed => testbed(user, { config });
const buildWithAdmin = (): Bed =>
  testbed(user, {
    config: { ...config, ADMIN_EMAIL: admin.email, ADMIN_PASSWORD: admin.password },
  });

async function withAnna(): Promise<Bed> {
  const bed = build();
  await bed.call('register', anna, { caller });
  await bed.settle();
  return bed;
}

/** Verifies a token like the gateway: with the published keys only. */
async function verified(bed: Bed, token: string) {
  const { keys } = await bed.call('getKeys', {}, { caller });
  const published = keys.map(({ kty, crv, x, y, kid, alg, use }) => {
    return { kty, crv, x, y, kid, alg, use };
  });
  return jwtVerify(token, createLocalJWKSet({ keys: published }), {
    algorithms: ['ES256'],
    issuer: TOKEN_ISSUER,
    audience: TOKEN_AUDIENCE,
    currentDate: new Date(bed.clock.now()),
    requiredClaims: ['sub', 'iat', 'exp', 'jti', 'email', 'role', 'tenant'],
  });
}

describe('a login', () => {
  test('returns a token that the published keys verify and that is valid for an hour', async () => {
    const bed = await withAnna();
    const answer = await bed.call('login', anna, { caller });
    const { payload, protectedHeader } = await verified(bed, answer.token);
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'JWT', kid: protectedHeader.kid });
    expect(payload).toMatchObject({
      sub: answer.user?.userId,
      email: 'anna@example.com',
      role: 'customer',
      tenant: 'default',
      exp: payload.iat! + 3600,
    });
    expect(Number(answer.expiresAt?.seconds)).toBe(payload.exp);
    expect(answer.user).toMatchObject({
      email: 'anna@example.com',
      name: 'Anna',
      role: 'customer',
    });
  });

  test('returns a token with a new id each time', async () => {
    const bed = await withAnna();
    const one = await bed.call('login', anna, { caller });
    const other = await bed.call('login', anna, { caller });
    const ids = await Promise.all([one, other].map(({ token }) => verified(bed, token)));
    expect(ids[0]?.payload.jti).not.toBe(ids[1]?.payload.jti);
  });

  test('accepts the address in any spelling', async () => {
    const bed = await withAnna();
    const answer = await bed.call('login', { ...anna, email: ' ANNA@example.com' }, { caller });
    expect(answer.user?.name).toBe('Anna');
  });

  test.each([
    ['a wrong password', { password: 'correct horsf' }],
    ['an unknown address', { email: 'bert@example.com' }],
  ])('refuses %s without revealing which of the two is wrong', async (_, part) => {
    const bed = await withAnna();
    const call = bed.call('login', { ...anna, ...part }, { caller });
    await expect(call).rejects.toMatchObject({
      code: Code.UNAUTHENTICATED,
      message: 'The email or password is incorrect.',
      details: { reason: 'wrong_credentials' },
    });
  });

  test('reads as much for an unknown address as for a wrong password', async () => {
    const bed = await withAnna();
    const load = bed.sidecar.load.bind(bed.sidecar);
    let loads = 0;
    bed.sidecar.load = (key) => {
      loads++;
      return load(key);
    };
    const counts: number[] = [];
    for (const part of [{ password: 'wrong one' }, { email: 'bert@example.com' }]) {
      loads = 0;
      await bed.call('login', { ...anna, ...part }, { caller }).catch(() => undefined);
      counts.push(loads);
    }
    expect(counts).toEqual([2, 2]);
  });

  test('does not find an account of another tenant', async () => {
    const bed = await withAnna();
    const call = bed.call('login', anna, { caller: { ...caller, tenantId: 'other' } });
    await expect(call).rejects.toMatchObject({ code: Code.UNAUTHENTICATED });
  });

  test.each([
    ['email', { email: 'anna' }],
    ['password', { password: '' }],
    ['password', { password: 'p'.repeat(129) }],
  ])('refuses an invalid %s with its name', async (field, part) => {
    const call = build().call('login', { ...anna, ...part }, { caller });
    await expect(call).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [expect.objectContaining({ field })] },
    });
  });

  test('hashes a password again that was hashed at a lower cost', async () => {
    const old = await withAnna();
    const bed: Bed = testbed(user, { config: { ...config, PASSWORD_COST: 5 }, memory: old.memory });
    const { user: known } = await bed.call('login', anna, { caller });
    const stored = await bed.context().users.get(known!.userId);
    expect(stored?.passwordHash).toContain('ln=5,');
    await expect(bed.call('login', anna, { caller })).resolves.toBeDefined();
  });

  test.each(['\ud800', 'correct \ufffd horse', '\udfff\ud83d'])(
    'refuses the password %j, which different bytes could have become',
    async (password) => {
      const call = (await withAnna()).call('login', { ...anna, password }, { caller });
      await expect(call).rejects.toThrow(/password|utf/i);
    },
  );

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    await expectCrashSafe(withAnna, (bed) => bed.call('login', anna, { caller, id: 'l1' }), {
      ignore: ['passwordHash', 'kid', 'x', 'y', 'd', 'tokenHash'],
    });
  });
});

describe('the first admin', () => {
  test('exists from the first login on', async () => {
    const bed = buildWithAdmin();
    const answer = await bed.call('login', admin, { caller });
    expect(answer.user).toMatchObject({ role: 'admin', tenantId: 'default' });
    await bed.call('login', admin, { caller });
    expect(bed.published(UserCreated)).toMatchObject([{ role: 'admin' }]);
  });

  test('is created once when several logins race', async () => {
    const bed = buildWithAdmin();
    const logins = Array.from({ length: 5 }, () => bed.call('login', admin, { caller }));
    const ids = (await Promise.all(logins)).map((answer) => answer.user?.userId);
    expect(new Set(ids).size).toBe(1);
    expect(bed.published(UserCreated)).toHaveLength(1);
  });

  test('cannot sign in with another password', async () => {
    const call = buildWithAdmin().call('login', { ...admin, password: 'a guess' }, { caller });
    await expect(call).rejects.toMatchObject({ code: Code.UNAUTHENTICATED });
  });

  test.each([
    ['without a password in the environment', { ADMIN_EMAIL: admin.email }, 'default'],
    ['in another tenant', { ADMIN_EMAIL: admin.email, ADMIN_PASSWORD: admin.password }, 'other'],
  ])('does not exist %s', async (_, given, tenantId) => {
    const bed: Bed = testbed(user, { config: { ...config, ...given } });
    const call = bed.call('login', admin, { caller: { ...caller, tenantId } });
    await expect(call).rejects.toMatchObject({ code: Code.UNAUTHENTICATED });
    expect(bed.memory.documents.size).toBe(0);
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    await expectCrashSafe(buildWithAdmin, (bed) => bed.call('login', admin, { caller, id: 'l1' }), {
      ignore: ['passwordHash', 'kid', 'x', 'y', 'd', 'tokenHash'],
    });
  });
});

describe('a changed ADMIN_PASSWORD', () => {
  const changed = 'second of all';
  const withPassword = (memory: Bed['memory'], ADMIN_PASSWORD: string): Bed =>
    testbed(user, {
      config: { ...config, ADMIN_EMAIL: admin.email, ADMIN_PASSWORD },
      memory,
    });

  test('takes effect at the next login, and ends the sessions of the earlier one', async () => {
    const old = buildWithAdmin();
    const { refreshToken } = await old.call('login', admin, { caller });
    const bed = withPassword(old.memory, changed);
    // with ids of their own: a second testbed counts from the start again
    const wrong = bed.call('login', admin, { caller, id: 'wrong' });
    await expect(wrong).rejects.toMatchObject({ code: Code.UNAUTHENTICATED });
    const refresh = bed.call('refresh', { refreshToken }, { caller, id: 'refresh' });
    await expect(refresh).rejects.toMatchObject({ code: Code.UNAUTHENTICATED });
    const right = bed.call('login', { ...admin, password: changed }, { caller, id: 'right' });
    await expect(right).resolves.toMatchObject({ user: { role: 'admin' } });
  });

  test('takes effect for an account from before its changes were noticed', async () => {
    const old = buildWithAdmin();
    const { user: account } = await old.call('login', admin, { caller });
    await old.context().users.update(account!.userId, (now) => {
      const { adminPassword, ...rest } = now!;
      expect(adminPassword).toBeDefined();
      return rest;
    });
    await expect(
      withPassword(old.memory, admin.password).call('login', admin, { caller }),
    ).resolves.toBeDefined();
    const bed = withPassword(old.memory, changed);
    await expect(
      bed.call('login', { ...admin, password: changed }, { caller }),
    ).resolves.toBeDefined();
  });

  test('does not undo a password that the admin changed', async () => {
    const bed = buildWithAdmin();
    const { user: account } = await bed.call('login', admin, { caller });
    const own = 'an own password of the admin';
    await bed.call(
      'changePassword',
      { currentPassword: admin.password, newPassword: own },
      { caller: { ...caller, userId: account!.userId, role: 'admin' } },
    );
    bed.restart();
    await expect(bed.call('login', { ...admin, password: own }, { caller })).resolves.toBeDefined();
    await expect(bed.call('login', admin, { caller })).rejects.toMatchObject({
      code: Code.UNAUTHENTICATED,
    });
  });

  test('is applied in the same way, wherever the process is killed', async () => {
    const prepare = async () => {
      const old = buildWithAdmin();
      await old.call('login', admin, { caller, id: 'l1' });
      return withPassword(old.memory, changed);
    };
    await expectCrashSafe(
      prepare,
      (bed) => bed.call('login', { ...admin, password: changed }, { caller, id: 'l2' }),
      { ignore: ['passwordHash', 'keys'] },
    );
  });
});

describe('the published keys', () => {
  test('exist before the first login and contain no secret', async () => {
    const { keys } = await build().call('getKeys', {}, { caller });
    expect(keys).toHaveLength(1);
    expect(keys[0]).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' });
    expect(keys[0]).not.toHaveProperty('d');
  });

  test('are the same for all callers when the first calls race', async () => {
    const bed = build();
    const calls = Array.from({ length: 5 }, () => bed.call('getKeys', {}, { caller }));
    const kids = (await Promise.all(calls)).map(({ keys }) => keys.map(({ kid }) => kid).join());
    expect(new Set(kids).size).toBe(1);
  });

  test('are stored without a private part that can be used', async () => {
    const bed = await withAnna();
    await bed.call('login', anna, { caller });
    const stored = bed.memory.documents.get('keyRings:default:signing')?.json ?? '';
    const { data } = JSON.parse(stored) as { data: SigningKeySet };
    expect(data.keys.map(({ jwk }) => Object.keys(jwk).sort())).toEqual([['crv', 'kty', 'x', 'y']]);
    const [{ kid, sealed } = { kid: '', sealed: undefined }] = data.keys;
    expect(sealed?.d).toMatch(/^[\w-]{80,}$/);
    expect(unseal(config.USER_KEY_FILE, kid, sealed?.d ?? '')).toMatch(/^[\w-]{43}$/);
    expect(() => unseal('o'.repeat(43), kid, sealed?.d ?? '')).toThrow();
  });

  test('that were stored unsealed are sealed at the next use, and earlier tokens stay valid', async () => {
    const bed = await withAnna();
    const before = await bed.call('login', anna, { caller });
    await bed.context().keyRings.update('signing', (now) => ({
      keys: now!.keys.map(({ sealed, ...key }) => {
        const d = unseal(config.USER_KEY_FILE, key.kid, sealed?.d ?? '');
        return { ...key, jwk: { ...key.jwk, d } };
      }),
    }));
    const after = await bed.call('login', anna, { caller });
    const [kid] = [before, after].map(({ token }) => decodeProtectedHeader(token).kid);
    expect(decodeProtectedHeader(after.token).kid).toBe(kid);
    await expect(verified(bed, before.token)).resolves.toBeDefined();
    const { keys } = (await bed.context().keyRings.get('signing'))!;
    expect(keys.map(({ jwk }) => jwk.d)).toEqual([undefined, undefined]);
    bed.clock.advance(KEY_LEAD_MS);
    const later = await bed.call('login', anna, { caller });
    expect(decodeProtectedHeader(later.token).kid).not.toBe(kid);
  });

  test('verify earlier tokens after the file of the master key was lost, and new tokens as well', async () => {
    const old = await withAnna();
    const before = await old.call('login', anna, { caller });
    const other = { ...config, USER_KEY_FILE: 'o'.repeat(43) };
    const bed: Bed = testbed(user, { config: other, memory: old.memory });
    const after = await bed.call('login', anna, { caller });
    await expect(verified(bed, before.token)).resolves.toBeDefined();
    await expect(verified(bed, after.token)).resolves.toBeDefined();
  });

  test('verify old and new tokens during a rotation', async () => {
    const bed = await withAnna();
    await bed.call('getKeys', {}, { caller });
    bed.clock.advance(KEY_ROTATION_MS);
    const before = await bed.call('login', anna, { caller });
    expect((await bed.call('getKeys', {}, { caller })).keys).toHaveLength(2);
    bed.clock.advance(KEY_LEAD_MS);
    const after = await bed.call('login', anna, { caller });
    const kids = [before, after].map(({ token }) => decodeProtectedHeader(token).kid);
    expect(kids[0]).not.toBe(kids[1]);
    await expect(verified(bed, before.token)).resolves.toBeDefined();
    await expect(verified(bed, after.token)).resolves.toBeDefined();
  });

  test('end in the same state after a crash, redelivery or conflict at any point', async () => {
    await expectCrashSafe(build, (bed) => bed.call('getKeys', {}, { caller, id: 'k1' }), {
      ignore: ['kid', 'x', 'y', 'd'],
    });
  });
});
