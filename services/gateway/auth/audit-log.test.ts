import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code, MicroserviceError } from '#kit/core/errors';
import { createLog } from '#kit/core/log';
import { routes } from '../routes/table';
import { cases } from '../testing/route-cases';
import { type Edge, openEdge } from '../testing/edge';

interface Line {
  who: { userId: string; role: string; tenantId: string };
  what: string;
  whom: Record<string, string>;
  outcome: number;
  requestId: string;
  message: string;
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

const open = () => {
  const write = (line: string) => {
    log += line;
  };
  const refuse = () => {
    throw new MicroserviceError('order not found', Code.NOT_FOUND);
  };
  return openEdge(
    {
      user: { login: () => ({}), listApiKeys: () => ({}), createApiKey: () => ({}) },
      product: { listProducts: () => ({}) },
      order: { getOrder: refuse },
    },
    { log: createLog('gateway', 'trace', { write }), config: { AUDIT_FILE: file } },
  );
};
const text = () => readFileSync(file, 'utf8');
const lines = () =>
  text()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

describe('the audit log', () => {
  it('tells who was refused what, about whom, and how to find the rest', async () => {
    const token = await edge.token({ sub: 'user_7' });
    const { headers } = await edge.ask('GET', '/api/v1/orders/order_1', { token });
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
    ['with a token that is not good', { token: 'a.b.c' }, 401],
  ])('tells of one %s that nobody is known', async (_, asked, outcome) => {
    await edge.ask('GET', '/api/v1/api-keys', asked);
    expect(lines()).toMatchObject([{ who: { userId: '', role: 'anonymous' }, outcome }]);
  });

  it('tells of what only some may do, also where it was done', async () => {
    await edge.ask('GET', '/api/v1/api-keys', { token: await edge.token({ role: 'admin' }) });
    await edge.ask('GET', '/api/v1/api-keys', { token: await edge.token() });
    await edge.ask('POST', '/api/v1/auth/login', { body: { email: 'a', password: 'b' } });
    // nothing of it: anybody may
    await edge.ask('GET', '/api/v1/products');
    expect(lines().map(({ what, outcome, who }) => [what, outcome, who.role])).toEqual([
      ['GET /api/v1/api-keys', 200, 'admin'],
      ['GET /api/v1/api-keys', 403, 'customer'],
      ['POST /api/v1/auth/login', 200, 'anonymous'],
    ]);
  });

  it('is added to by the next process, and never written over', async () => {
    await edge.ask('GET', '/api/v1/api-keys');
    const before = text();
    await edge.close();
    edge = await open();
    await edge.ask('GET', '/api/v1/api-keys');
    expect(text().startsWith(before)).toBe(true);
    expect(lines()).toHaveLength(2);
  });
});

it('no log holds what a client wrote: a password, a token, a key, an address or a name', async () => {
  const token = await edge.token({ role: 'admin', sub: 'user_1', email: 'canary@claims.example' });
  const deep = { secret: 'canary-field', 'canary-name': 1 };
  for (const row of routes) {
    const known = cases[`${row.method} ${row.path}`];
    const [path = row.path] = (known?.path ?? row.path).split('?');
    const body = Object.fromEntries(
      Object.keys(known?.body ?? {}).map((name) => [name, `canary-${name}`]),
    );
    const sent = row.method === 'GET' || row.method === 'DELETE' ? {} : { body };
    const headers = {
      ...{ cookie: 'canary-cookie', 'user-agent': 'canary-agent', 'idempotency-key': 'canary-key' },
      ...{ 'x-request-id': 'canary id', 'x-forwarded-for': '203.0.113.77' },
    };
    const at = `/api/v1${path}`;
    await edge.ask(row.method, at, { token, headers, ...sent });
    await edge.ask(row.method, `${at}?email=canary@query.example`, { headers, ...sent });
    const key = { ...headers, 'x-api-key': `canary.${'c'.repeat(43)}` };
    await edge.ask(row.method, at, { headers: key, ...sent });
    const basic = { ...headers, authorization: 'Basic canary-basic' };
    await edge.ask(row.method, at, { headers: basic, ...sent });
    if ('body' in sent) await edge.ask(row.method, at, { token, headers, body: deep });
  }
  await edge.ask('GET', '/api/v1/orders/canary@path.example', { token });
  await edge.ask('GET', '/api/v1/canary-nowhere/canary@path.example');
  await edge.ask('POST', '/api/v1/orders', { token, raw: '{"canary-unreadable' });

  expect(lines().length).toBeGreaterThan(routes.length);
  expect(log.split('\n').length).toBeGreaterThan(routes.length);
  for (const all of [text(), log]) {
    expect(all).not.toMatch(/canary/i);
    expect(all).not.toContain('203.0.113.77');
    expect(all).not.toContain(token.split('.')[2]);
  }
});
