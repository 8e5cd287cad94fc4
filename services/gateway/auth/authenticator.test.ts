import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import type { Caller } from '#kit/core/caller';
import { unavailable } from '#kit/core/errors';
import { type Calls, type Edge, openEdge } from '../testing/edge';
import { KID, newKey } from '../testing/signing-keys';

const PROFILE = '/api/v1/users/profile';

let edge: Edge;
let caller: Caller | undefined;
beforeEach(async () => {
  caller = undefined;
  const getProfile = (_: unknown, { callContext }: { callContext: { caller: Caller } }) => {
    caller = callContext.caller;
    return {};
  };
  edge = await openEdge({ user: { getProfile } });
});
afterEach(() => edge.close());

const profile = (token: string) => edge.send('GET', PROFILE, { token });
const fetches = () => edge.bed.callCount('user', 'getKeys');
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The parts of a valid token, to build invalid ones from. */
async function parts() {
  const [header = '', payload = '', signature = ''] = (await edge.token()).split('.');
  return { header, payload, signature };
}

describe('a valid token', () => {
  it('identifies the caller, whatever other headers say', async () => {
    const token = await edge.token({ sub: 'user_9', role: 'seller', tenant: 'tenant_2' });
    const headers = { 'x-user-id': 'root', 'x-user-role': 'admin', 'x-tenant-id': 'other' };
    expect((await edge.send('GET', PROFILE, { token, headers })).status).toBe(200);
    expect(caller).toEqual({ userId: 'user_9', role: 'seller', tenantId: 'tenant_2' });
  });

  it('is accepted up to 30 s after it expired, and no longer', async () => {
    const token = await edge.token({ exp: edge.clock.now() / 1000 + 60 });
    edge.clock.advance(89_000);
    expect((await profile(token)).status).toBe(200);
    edge.clock.advance(2_000);
    expect(await profile(token)).toMatchObject({
      status: 401,
      body: { error: 'the token has expired' },
    });
  });

  it('is not accepted longer because it is cached', async () => {
    const token = await edge.token({ exp: edge.clock.now() / 1000 + 20 });
    expect((await profile(token)).status).toBe(200);
    edge.clock.advance(51_000);
    expect((await profile(token)).status).toBe(401);
  });

  it('is not accepted longer than an hour after it was issued, whatever its expiry', async () => {
    const token = await edge.token({ exp: edge.clock.now() / 1000 + 36_000 });
    edge.clock.advance(3_600_000 - 10_000);
    expect((await profile(token)).status).toBe(200);
    // neither does a cache extend it
    edge.clock.advance(41_000);
    expect((await profile(token)).status).toBe(401);
  });

  it('may have several audiences', async () => {
    expect((await profile(await edge.token({ aud: ['omnichannel', 'other'] }))).status).toBe(200);
  });
});

describe('a token is refused', () => {
  const now = Date.parse('2026-01-01T00:00:00Z') / 1000;

  it.each([
    ['without sub', { sub: undefined }],
    ['without exp', { exp: undefined }],
    ['without iat', { iat: undefined }],
    ['without iss', { iss: undefined }],
    ['without aud', { aud: undefined }],
    ['without role', { role: undefined }],
    ['without tenant', { tenant: undefined }],
    ['without a session', { sid: undefined }],
    ['with exp as a string', { exp: String(now + 3600) }],
    ['with iat as a string', { iat: 'now' }],
    ['that has expired', { exp: now - 31 }],
    ['that was issued more than an hour ago', { iat: now - 3631 }],
    ['that was issued in the future', { iat: now + 31 }],
    ['that is not valid yet', { nbf: now + 31 }],
    ['of another issuer', { iss: 'another' }],
    ['for another audience', { aud: 'another' }],
    ['with a role that cannot sign in', { role: 'service' }],
    ['with an unknown role', { role: 'root' }],
    ['with a list for a role', { role: ['admin'] }],
    ['with a subject that is not an id', { sub: '../admin' }],
    ['with a tenant that is not an id', { tenant: 'a:b' }],
  ])('%s', async (_, claims) => {
    const response = await profile(await edge.token(claims));
    expect(response.status).toBe(401);
    expect(response.headers['www-authenticate']).toBe('Bearer');
    expect(caller).toBeUndefined();
  });

  it.each(['none', 'nOnE', 'NONE'])('with the algorithm %s', async (alg) => {
    const { payload } = await parts();
    const header = base64({ alg, kid: KID });
    for (const signature of ['', 'AAAA']) {
      expect((await profile(`${header}.${payload}.${signature}`)).status).toBe(401);
    }
  });

  it('signed with the public key as a shared secret', async () => {
    const { payload } = await parts();
    const text = `${base64({ alg: 'HS256', kid: KID })}.${payload}`;
    for (const secret of [JSON.stringify(edge.key.jwk), edge.key.jwk.x]) {
      const signature = createHmac('sha256', secret).update(text).digest('base64url');
      expect((await profile(`${text}.${signature}`)).status).toBe(401);
    }
  });

  it('signed with another algorithm, and no key is fetched', async () => {
    const { privateKey } = await generateKeyPair('RS256');
    const token = await new SignJWT({ sub: 'user_1', role: 'admin' })
      .setProtectedHeader({ alg: 'RS256', kid: KID })
      .sign(privateKey);
    expect((await profile(token)).status).toBe(401);
    expect(fetches()).toBe(0);
  });

  it('that contains its own key', async () => {
    const own = await newKey();
    const jwk = await exportJWK(own.privateKey);
    const token = await new SignJWT({ sub: 'user_1', role: 'admin', tenant: 'default' })
      .setProtectedHeader({ alg: 'ES256', kid: KID, jwk: { ...jwk }, jku: 'http://127.0.0.1/' })
      .sign(own.privateKey);
    expect((await profile(token)).status).toBe(401);
  });

  it('with a critical extension', async () => {
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid: KID, crit: ['exp'], exp: 1 })
      .sign(edge.key.privateKey, { crit: { exp: true } });
    expect((await profile(token)).status).toBe(401);
  });

  it('that was changed after it was signed', async () => {
    const { header, signature } = await parts();
    const payload = base64({ sub: 'user_1', role: 'admin', tenant: 'default' });
    expect((await profile(`${header}.${payload}.${signature}`)).status).toBe(401);
  });

  it.each(['', 'a', 'a.b', 'a.b.c', 'a.b.c.d', '..', '{}'])(
    'that is not a JWT: %p',
    async (token) => {
      expect((await profile(token)).status).toBe(401);
    },
  );

  it.each(['Basic YTpi', 'Bearer', 'Token x', ''])('sent as %p', async (authorization) => {
    expect((await edge.send('GET', PROFILE, { headers: { authorization } })).status).toBe(401);
  });
});

describe('credentials', () => {
  it('are optional on a public route, but must be valid', async () => {
    const listProducts = () => ({});
    const open = await openEdge({ product: { listProducts } });
    const send = (token?: string) => open.send('GET', '/api/v1/products', { token });
    expect((await send()).status).toBe(200);
    expect((await send(await open.token())).status).toBe(200);
    expect((await send(await open.token({ role: 'root' }))).status).toBe(401);
    await open.close();
  });

  it('are ignored when signing in', async () => {
    const open = await openEdge({ user: { login: () => ({ token: 'new' }) } });
    const token = await open.token({ exp: 1 });
    const { status } = await open.send('POST', '/api/v1/auth/login', { token, body: {} });
    expect(status).toBe(200);
    await open.close();
  });
});

describe('signing keys', () => {
  it.each(['../../etc/passwd', "' OR 1=1 --", 'http://127.0.0.1/key', '', 'x'.repeat(65)])(
    'are not fetched for a key id such as %p',
    async (kid) => {
      const token = await edge.token({}, { ...edge.key, kid });
      expect((await profile(token)).status).toBe(401);
      expect(fetches()).toBe(0);
    },
  );

  it('are fetched for unknown key ids at most once a minute', async () => {
    await profile(await edge.token());
    for (let n = 0; n < 5; n++) {
      edge.clock.advance(11_000);
      const stranger = await newKey(`unknown-${n}`);
      expect((await profile(await edge.token({}, stranger))).status).toBe(401);
    }
    expect(fetches()).toBe(1);
    edge.clock.advance(11_000);
    await profile(await edge.token({}, await newKey('unknown')));
    expect(fetches()).toBe(2);
  });
});

describe('the signing keys of the user service', () => {
  const keysOf = async (getKeys: NonNullable<Calls['user']>['getKeys'] & {}) => {
    await edge.close();
    edge = await openEdge({ user: { getProfile: () => ({}), getKeys } });
  };

  it('are fetched once for concurrent requests', async () => {
    const key = await newKey();
    const keys = Promise.withResolvers<{ keys: (typeof key.jwk)[] }>();
    let fetches = 0;
    await keysOf(() => {
      fetches++;
      return keys.promise;
    });
    const tokens = await Promise.all(['a', 'b', 'c'].map((sub) => edge.token({ sub }, key)));
    const responses = Promise.all(tokens.map((token) => profile(token)));
    await edge.waitFor(3);
    keys.resolve({ keys: [key.jwk] });
    expect((await responses).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(fetches).toBe(1);
  });

  it('are accepted once they rotate in, and refused once they are withdrawn', async () => {
    const [old, next] = [await newKey('old'), await newKey('next')];
    let published = [old.jwk];
    await keysOf(() => ({ keys: published }));
    expect((await profile(await edge.token({}, old))).status).toBe(200);

    published = [old.jwk, next.jwk];
    edge.clock.advance(60_000);
    expect((await profile(await edge.token({}, next))).status).toBe(200);
    expect((await profile(await edge.token({}, old))).status).toBe(200);

    published = [next.jwk];
    edge.clock.advance(300_000);
    // renews the keys in the background
    await profile(await edge.token({}, next));
    await profile(await edge.token({ sub: 'b' }, next));
    expect((await profile(await edge.token({ sub: 'c' }, old))).status).toBe(401);
  });

  it('that cannot be fetched cause 503, and are fetched again after a second', async () => {
    let up = false;
    const key = await newKey();
    await keysOf(() => {
      if (!up) throw unavailable('user is down');
      return { keys: [key.jwk] };
    });
    expect((await profile(await edge.token({}, key))).status).toBe(503);
    up = true;
    edge.clock.advance(1_000);
    expect((await profile(await edge.token({}, key))).status).toBe(200);
  });

  it('of another type are ignored', async () => {
    const key = await newKey();
    const other = { ...key.jwk, kid: 'other' };
    await keysOf(() => ({
      keys: [
        { ...other, kty: 'RSA' },
        { ...other, crv: 'P-384' },
        { ...other, alg: 'HS256' },
        key.jwk,
      ],
    }));
    expect((await profile(await edge.token({}, key))).status).toBe(200);
    expect((await profile(await edge.token({}, { ...key, kid: 'other' }))).status).toBe(401);
  });
});
