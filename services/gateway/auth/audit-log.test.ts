import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { EdgeConfig } from '../definition';
import { Code, MicroserviceError } from '#kit/core/errors';
import { createLog } from '#kit/core/log';
import { routes } from '../routes/table';
import { type Edge, openEdge } from '../testing/edge';
import { exampleRequest } from '../testing/example-requests';

interface Line {
  who: { userId: string; role: string; tenantId: string };
  what: string;
  whom: Record<string, string>;
  outcome: number;
  requestId: string;
  message: string;
  from?: string;
  facts?: object;
}

let folder: string;
let file: string;
let log: string;
let edge: Edge;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'omnichannel-'));
  file = join(folder, 'audit', 'audit.jsonl');
  log = '';
  edge = await open();
});
afterEach(async () => {
  await edge.close();
  rmSync(folder, { recursive: true });
});

const signedIn = {
  user: { userId: 'user_7', role: 'seller', email: 'canary@user.example', name: 'canary' },
  refreshToken: 'user_7.session_1.canary',
};

const open = (config: Partial<EdgeConfig> = {}) => {
  const write = (line: string) => {
    log += line;
  };
  const refuse = () => {
    throw new MicroserviceError('order not found', Code.NOT_FOUND);
  };
  return openEdge(
    {
      user: {
        login: ({ password }) => {
          if (password === 'wrong') {
            const audit = { userId: 'user_8' };
            const details = { reason: 'wrong_credentials', audit };
            throw new MicroserviceError('wrong', Code.UNAUTHENTICATED, details);
          }
          return signedIn;
        },
        refresh: () => signedIn,
        logout: () => ({ userId: 'user_7', sessionId: 'session_1' }),
        register: () => ({ userId: 'user_9', email: 'canary@user.example', role: 'customer' }),
        resetPassword: () => ({ userId: 'user_7' }),
        verifyEmail: () => ({ userId: 'user_7' }),
        listApiKeys: () => ({}),
        createApiKey: () => ({
          keyId: 'key_2',
          role: 'seller',
          scopes: ['orders:read'],
          createdBy: 'key_1',
          ownerId: 'user_1',
          expiresAt: timestampFromMs(Date.parse('2026-03-01T00:00:00Z')),
          name: 'canary',
          key: 'key_2.canary',
        }),
        revokeApiKey: () => ({ keyIds: ['key_2', 'key_1'] }),
      },
      product: { listProducts: () => ({}) },
      order: { getOrder: refuse },
    },
    { log: createLog('gateway', 'trace', { write }), config: { AUDIT_FILE: file, ...config } },
  );
};
const text = () => readFileSync(file, 'utf8');
const lines = () =>
  text()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

describe('the audit log', () => {
  it('records who was refused what, the ids in the path, and the id of the request', async () => {
    const token = await edge.token({ sub: 'user_7' });
    const { headers } = await edge.send('GET', '/api/v1/orders/order_1', { token });
    expect(lines()).toMatchObject([
      {
        who: { userId: 'user_7', role: 'customer', tenantId: 'default' },
        what: 'GET /api/v1/orders/:orderId',
        whom: { orderId: 'order_1' },
        outcome: 404,
        requestId: headers['x-request-id'],
        message: 'request refused',
      },
    ]);
  });

  it.each([
    ['without a token', {}, 401],
    ['with an invalid token', { token: 'a.b.c' }, 401],
  ])('records a request %s as anonymous', async (_, options, outcome) => {
    await edge.send('GET', '/api/v1/api-keys', options);
    expect(lines()).toMatchObject([{ who: { userId: '', role: 'anonymous' }, outcome }]);
  });

  it('records requests to privileged routes, successful ones too', async () => {
    await edge.send('GET', '/api/v1/api-keys', { token: await edge.token({ role: 'admin' }) });
    await edge.send('GET', '/api/v1/api-keys', { token: await edge.token() });
    await edge.send('POST', '/api/v1/auth/login', { body: { email: 'a', password: 'b' } });
    // not recorded, as everyone may
    await edge.send('GET', '/api/v1/products');
    expect(lines().map(({ what, outcome, who }) => [what, outcome, who.role])).toEqual([
      ['GET /api/v1/api-keys', 200, 'admin'],
      ['GET /api/v1/api-keys', 403, 'customer'],
      ['POST /api/v1/auth/login', 200, 'anonymous'],
    ]);
  });

  it('records who signed in, from where, and in which session', async () => {
    await edge.close();
    edge = await open({ TRUSTED_PROXIES: ['127.0.0.1'] });
    const headers = { 'x-forwarded-for': '203.0.113.77' };
    await edge.send('POST', '/api/v1/auth/login', { headers, body: { email: 'a', password: 'b' } });
    expect(lines()).toMatchObject([
      {
        what: 'POST /api/v1/auth/login',
        from: '203.0.113.77',
        facts: { userId: 'user_7', role: 'seller', sessionId: 'session_1' },
      },
    ]);
    // not of a request that says nothing about credentials
    const token = await edge.token();
    await edge.send('GET', '/api/v1/orders/order_1', { headers, token });
    expect(lines()[1]).not.toHaveProperty('from');
  });

  it('records the account of a refused sign-in, and the client does not receive it', async () => {
    const body = { email: 'canary@stranger.example', password: 'wrong' };
    const response = await edge.send('POST', '/api/v1/auth/login', { body });
    expect(response.body).toMatchObject({ details: { reason: 'wrong_credentials' } });
    expect(JSON.stringify(response.body)).not.toMatch(/audit|user_8/);
    expect(lines()).toMatchObject([
      {
        what: 'POST /api/v1/auth/login',
        outcome: 401,
        from: '127.0.0.1',
        facts: { userId: 'user_8' },
      },
    ]);
    expect(text()).not.toContain('canary');
  });

  it.each([
    ['/auth/register', { email: 'a', password: 'b', name: 'c' }, { userId: 'user_9' }],
    ['/auth/refresh', { refreshToken: 'r' }, { userId: 'user_7', sessionId: 'session_1' }],
    ['/auth/logout', { refreshToken: 'r' }, { userId: 'user_7', sessionId: 'session_1' }],
    ['/auth/password-reset/confirm', { token: 't', newPassword: 'n' }, { userId: 'user_7' }],
    ['/auth/verify-email', { token: 't' }, { userId: 'user_7' }],
  ])('records whose credentials were used and from where: %s', async (path, body, facts) => {
    await edge.send('POST', `/api/v1${path}`, { body });
    expect(lines()).toMatchObject([{ what: `POST /api/v1${path}`, from: '127.0.0.1', facts }]);
    expect(text()).not.toContain('canary');
  });

  it('records which API key was created, by whom, with which rights, and which were revoked', async () => {
    const token = await edge.token({ role: 'admin', sub: 'user_1' });
    const body = { name: 'ERP', role: 'seller', scopes: ['orders:read'] };
    await edge.send('POST', '/api/v1/api-keys', { token, body });
    await edge.send('DELETE', '/api/v1/api-keys/key_1', { token });
    expect(lines()).toMatchObject([
      {
        who: { userId: 'user_1', role: 'admin' },
        from: '127.0.0.1',
        facts: {
          keyId: 'key_2',
          role: 'seller',
          scopes: ['orders:read'],
          createdBy: 'key_1',
          ownerId: 'user_1',
          expiresAt: '2026-03-01T00:00:00.000Z',
        },
      },
      { whom: { keyId: 'key_1' }, facts: { keyIds: ['key_2', 'key_1'] } },
    ]);
    expect(text()).not.toContain('canary');
  });

  it('is appended to by the next process, never overwritten', async () => {
    await edge.send('GET', '/api/v1/api-keys');
    const before = text();
    await edge.close();
    edge = await open();
    await edge.send('GET', '/api/v1/api-keys');
    expect(text().startsWith(before)).toBe(true);
    expect(lines()).toHaveLength(2);
  });
});

it('no log contains what a client sent: a password, a token, a key, an address or a name', async () => {
  const token = await edge.token({ role: 'admin', sub: 'user_1', email: 'canary@claims.example' });
  const deep = { secret: 'canary-field', 'canary-name': 1 };
  for (const route of routes) {
    const { method } = route;
    const example = exampleRequest(route);
    const [path = ''] = example.path.split('?');
    const body = Object.fromEntries(
      Object.keys(example.body ?? {}).map((name) => [name, `canary-${name}`]),
    );
    const sent = method === 'GET' || method === 'DELETE' ? {} : { body };
    const headers = {
      cookie: 'canary-cookie',
      'user-agent': 'canary-agent',
      'idempotency-key': 'canary-key',
      'x-request-id': 'canary id',
      'x-forwarded-for': '203.0.113.77',
    };
    await edge.send(method, path, { token, headers, ...sent });
    await edge.send(method, `${path}?email=canary@query.example`, { headers, ...sent });
    const key = { ...headers, 'x-api-key': `canary.${'c'.repeat(43)}` };
    await edge.send(method, path, { headers: key, ...sent });
    const basic = { ...headers, authorization: 'Basic canary-basic' };
    await edge.send(method, path, { headers: basic, ...sent });
    if ('body' in sent) await edge.send(method, path, { token, headers, body: deep });
  }
  await edge.send('GET', '/api/v1/orders/canary@path.example', { token });
  await edge.send('GET', '/api/v1/canary-nowhere/canary@path.example');
  await edge.send('POST', '/api/v1/orders', { token, raw: '{"canary-unreadable' });

  expect(lines().length).toBeGreaterThan(routes.length);
  expect(log.split('\n').length).toBeGreaterThan(routes.length);
  for (const all of [text(), log]) {
    expect(all).not.toMatch(/canary/i);
    expect(all).not.toContain('203.0.113.77');
    expect(all).not.toContain(token.split('.')[2]);
  }
});
