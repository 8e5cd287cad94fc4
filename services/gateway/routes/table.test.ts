import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type DescMessage, type Message, ScalarType, toJson } from '@bufbuild/protobuf';
import type { CallRequest } from '#kit/transport/sidecar';
import { BASE } from '../app';
import { type RpcRoute } from './types';
import { cases } from '../testing/route-cases';
import { routes } from './table';
import { type Calls, type Edge, openEdge } from '../testing/edge';

const rows = routes.filter((route): route is RpcRoute => 'rpc' in route);
const ROLES = ['customer', 'seller', 'admin'] as const;

let edge: Edge;
/** The last call that came through. */
let arrived: CallRequest | undefined;

beforeAll(async () => {
  edge = await openEdge(fakes());
});
afterAll(() => edge.close());

/** Answers for every row, by its case. */
function fakes(): Calls {
  const calls: Record<string, Record<string, unknown>> = {};
  for (const row of rows) {
    const app = row.app === ':service' ? 'order' : row.app;
    (calls[app] ??= {})[row.rpc.localName] = (_: Message, call: CallRequest) => {
      arrived = call;
      return caseOf(row).answers;
    };
  }
  // made from the descriptors of the table, which the type is derived from as well
  return calls;
}

function caseOf({ method, path }: RpcRoute) {
  const found = cases[`${method} ${path}`];
  if (found === undefined) throw new Error(`no case for ${method} ${path}`);
  return found;
}

async function tokenFor({ who }: RpcRoute): Promise<string | undefined> {
  return typeof who === 'string' ? undefined : edge.token({ role: who[0] });
}

async function ask(row: RpcRoute, given: { path?: string; body?: unknown; raw?: string } = {}) {
  const { path, body } = caseOf(row);
  arrived = undefined;
  return edge.ask(row.method, BASE + (given.path ?? path), {
    token: await tokenFor(row),
    ...(given.raw === undefined ? { body: given.body ?? body } : { raw: given.raw }),
  });
}

const named = rows.map((row) => [`${row.method} ${row.path}`, row] as const);

it('has a case here for every row of the table', () => {
  expect(Object.keys(cases).sort()).toEqual(named.map(([name]) => name).sort());
});

it('has the same row once', () => {
  expect(new Set(named.map(([name]) => name)).size).toBe(rows.length);
});

it('gives one key to one user; to everybody only where the service sees that it is the same one', () => {
  const everybodys = rows.filter(({ who, idempotent }) => typeof who === 'string' && idempotent);
  // registering again takes the same password, and refreshing the same token
  expect(everybodys.map(({ path }) => path)).toEqual(['/auth/register', '/auth/refresh']);
});

describe.each(named)('%s', (_, row) => {
  it('carries the request to the service and its answer back', async () => {
    const { status, body } = await ask(row);
    const { sends, answers, data } = caseOf(row);
    expect(body).toMatchObject({ success: true, data });
    const told = 'status' in answers ? String(answers.status) : '';
    expect(status).toBe(typeof row.status === 'number' ? row.status : row.status.codes[told]);
    expect(arrived?.appId).toBe(row.app === ':service' ? 'order' : row.app);
    expect(arrived?.method.name).toBe(row.rpc.name);
    expect(toJson(row.rpc.input, arrived!.request)).toEqual(sends);
  });

  it('is for those who may', async () => {
    const { path, body } = caseOf(row);
    const nobody = await edge.ask(row.method, BASE + path, { body });
    if (typeof row.who === 'string') {
      expect(nobody.status).toBeLessThan(300);
      return;
    }
    expect(nobody).toMatchObject({ status: 401, body: { success: false, statusCode: 401 } });
    for (const role of ROLES) {
      const token = await edge.token({ role });
      const { status } = await edge.ask(row.method, BASE + path, { body, token });
      if (row.who.includes(role)) expect(status).toBeLessThan(300);
      else expect(status).toBe(403);
    }
  });

  it('names each field that is of the wrong type', async () => {
    const body = caseOf(row).body ?? {};
    expect(Object.keys(body).sort()).toEqual([...row.body].sort());
    for (const { path, wrong } of wrongBodies(row.rpc.input, body)) {
      const { status, body: answer } = await ask(row, { body: wrong });
      expect({ path, status, fields: answer.details?.fields?.map(({ field }) => field) }).toEqual({
        path,
        status: 422,
        fields: [path],
      });
      expect(answer.error).toContain(`${path} must be `);
      expect(arrived).toBeUndefined();
    }
  });

  it('refuses unknown fields of the body by name, forbidden ones too', async () => {
    if (row.method !== 'POST' && row.method !== 'PATCH') return;
    // what the path says is not for the body to say, nor what only services may
    const others = row.rpc.input.fields.filter(({ jsonName }) => !row.body.includes(jsonName));
    for (const { jsonName } of others) {
      const { body } = await ask(row, { body: { ...caseOf(row).body, [jsonName]: 'x' } });
      expect(body.details?.fields).toEqual([{ field: jsonName, message: 'is unknown' }]);
    }
    const never = ['role', '__proto__', 'constructor', 'unitPrice'];
    for (const name of never.filter((name) => !row.body.includes(name))) {
      for (const { path, raw } of withField(caseOf(row).body ?? {}, name)) {
        if (isFree(row.rpc.input, path)) continue;
        const { status, body } = await ask(row, { raw });
        const fields = [{ field: path, message: 'is unknown' }];
        expect({ status, details: body.details }).toEqual({ status: 422, details: { fields } });
        expect(arrived).toBeUndefined();
      }
    }
  });

  it('refuses in the query what it does not take, by name', async () => {
    const [path = ''] = caseOf(row).path.split('?');
    const others = row.rpc.input.fields.filter(({ jsonName }) => !row.query.includes(jsonName));
    for (const name of ['sort', '__proto__', ...others.map(({ jsonName }) => jsonName)]) {
      const { status, body } = await ask(row, { path: `${path}?${name}=1` });
      expect({ status, fields: body.details?.fields?.[0]?.field }).toEqual({
        status: 422,
        fields: name,
      });
    }
    for (const name of row.query) {
      const twice = await ask(row, { path: `${path}?${name}=1&${name}=2` });
      expect(twice).toMatchObject({
        status: 422,
        body: { details: { fields: [{ field: name }] } },
      });
      const field = row.rpc.input.fields.find(({ jsonName }) => jsonName === name);
      if (field?.scalar === ScalarType.STRING) continue;
      for (const wrong of ['abc', '1.5', '', '99999999999', '1e3']) {
        const { status, body } = await ask(row, { path: `${path}?${name}=${wrong}` });
        expect(status).toBe(422);
        expect(body.error).toMatch(new RegExp(`^${name} must be a whole number`));
      }
    }
  });
});

/** The body with one field in turn of another type, at every depth. */
function* wrongBodies(
  desc: DescMessage,
  body: Readonly<Record<string, unknown>>,
  prefix = '',
): Generator<{ path: string; wrong: unknown }> {
  for (const [name, value] of Object.entries(body)) {
    const field = desc.fields.find(({ jsonName }) => jsonName === name)!;
    const path = prefix + name;
    const flag = typeof value === 'boolean' ? 0 : true;
    for (const other of [null, typeof value === 'string' ? 7 : 'x', flag, 1.5, 2 ** 31]) {
      yield { path, wrong: { ...body, [name]: other } };
    }
    if (field.message === undefined || isWhole(field.message)) continue;
    const inner: unknown = Array.isArray(value) ? value[0] : value;
    // a message is an object in JSON
    const object = inner as Record<string, unknown>;
    const known = field.message.fields.map(({ jsonName }) => jsonName);
    expect(Object.keys(object).sort()).toEqual(known.sort());
    const at = Array.isArray(value) ? `${path}.0` : path;
    if (Array.isArray(value)) yield { path: at, wrong: { ...body, [name]: ['x'] } };
    for (const { path: deep, wrong } of wrongBodies(field.message, object, `${at}.`)) {
      yield { path: deep, wrong: { ...body, [name]: Array.isArray(value) ? [wrong] : wrong } };
    }
  }
}

/** A time or an object of anything, which has no fields of its own in JSON. */
const isWhole = ({ typeName }: DescMessage) => typeName.startsWith('google.protobuf.');

/** Whether it is in an object that may hold anything. */
function isFree(desc: DescMessage, path: string): boolean {
  const [name = '', ...inner] = path.split('.');
  const field = desc.fields.find(({ jsonName }) => jsonName === name);
  return inner.length > 0 && field?.message !== undefined && isWhole(field.message);
}

/** The body as text, with one more field in each of its objects in turn. */
function withField(body: object, name: string): { path: string; raw: string }[] {
  const marked = (value: unknown, path: string): { path: string; value: unknown }[] => {
    if (Array.isArray(value)) {
      return value.flatMap((entry, index) =>
        marked(entry, `${path}${index}.`).map((inner) => ({
          path: inner.path,
          value: value.with(index, inner.value),
        })),
      );
    }
    if (typeof value !== 'object' || value === null) return [];
    return [
      { path: path + name, value: { ...value, '@': 1 } },
      ...Object.entries(value).flatMap(([key, entry]) =>
        marked(entry, `${path}${key}.`).map((inner) => ({
          path: inner.path,
          value: { ...value, [key]: inner.value },
        })),
      ),
    ];
  };
  // written as text, for an object cannot be made to have every name
  return marked(body, '').map(({ path, value }) => ({
    path,
    raw: JSON.stringify(value).replace('"@"', JSON.stringify(name)),
  }));
}

it('takes an Idempotency-Key on every POST and PATCH that changes something', () => {
  const changing = routes.filter((row) => 'rpc' in row && row.method !== 'GET');
  const without = changing.filter((row) => 'rpc' in row && !row.idempotent);
  expect(without.map(({ method, path }) => `${method} ${path}`)).toEqual([
    // a token more is no change, and no answer with one is kept; what is gone stays gone
    'POST /auth/login',
    'POST /auth/logout',
    'DELETE /api-keys/:keyId',
    'DELETE /shops/:shopId/offers/:productId',
    'DELETE /devices/:deviceId',
    'DELETE /admin/dead-letters/:service/:id',
  ]);
});
