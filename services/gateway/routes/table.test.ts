import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type DescField, type DescMessage, ScalarType, create, toJson } from '@bufbuild/protobuf';
import type { CallRequest } from '#kit/transport/sidecar';
import { exampleOf, statusOf } from '../openapi/document';
import { type Edge, openEdge } from '../testing/edge';
import {
  appOf,
  exampleCalls,
  exampleMessage,
  exampleRequest,
  exampleResponse,
  nameOf,
  named,
  rpcRoutes,
} from '../testing/example-requests';
import { routes } from './table';
import type { RpcRoute } from './types';

const ROLES = ['customer', 'seller', 'admin'] as const;

let edge: Edge;
/** The last call that reached a service. */
let received: CallRequest | undefined;
/** What services respond with instead of the example. */
let otherResponse: object | undefined;

beforeAll(async () => {
  edge = await openEdge(
    exampleCalls((route, request) => {
      received = request;
      return otherResponse ?? exampleResponse(route);
    }),
  );
});
afterAll(() => edge.close());

async function tokenFor({ access }: RpcRoute): Promise<string | undefined> {
  return typeof access === 'string' ? undefined : edge.token({ role: access[0] });
}

/** Sends the example of the route, or something else in its place. */
async function send(route: RpcRoute, given: { path?: string; body?: unknown; raw?: string } = {}) {
  const { path, body } = exampleRequest(route);
  received = undefined;
  return edge.send(route.method, given.path ?? path, {
    token: await tokenFor(route),
    ...(given.raw === undefined ? { body: given.body ?? body } : { raw: given.raw }),
  });
}

it('contains each route once', () => {
  expect(new Set(routes.map(nameOf)).size).toBe(routes.length);
});

/** Whether a path can match both. */
function isAmbiguous(one: string, other: string): boolean {
  const [ours, theirs] = [one.split('/'), other.split('/')];
  const isParameter = (segment = '') => segment.startsWith(':');
  return (
    ours.length === theirs.length &&
    ours.every((segment, at) => {
      return segment === theirs[at] || isParameter(segment) || isParameter(theirs[at]);
    })
  );
}

it('has one meaning for each path: a literal segment comes before an id, and no id is that word', () => {
  const paths = [...new Set(routes.map(({ path }) => path))];
  const pairs = paths.flatMap((path, at) =>
    paths.slice(at + 1).flatMap((other) => (isAmbiguous(path, other) ? [[path, other]] : [])),
  );
  // the first one wins; services/shop/devices.ts refuses a device with the id `commands`
  expect(pairs).toEqual(
    ['credential', 'presence', 'refusals', 'commands'].map((last) => [
      '/devices/commands/:commandId',
      `/devices/:deviceId/${last}`,
    ]),
  );
});

it.each(['presence', 'refusals', 'credential', 'commands'])(
  'finds a command with the id %s, which is the last segment of another path',
  async (commandId) => {
    const token = await edge.token({ role: 'admin' });
    const path = `/api/v1/devices/commands/${commandId}`;
    expect((await edge.send('GET', path, { token })).status).toBe(200);
    expect(received?.method.name).toBe('GetCommand');
    expect(received?.request).toMatchObject({ commandId });
  },
);

it('shares an Idempotency-Key among anonymous clients only where the service recognises a repeat', () => {
  const shared = rpcRoutes.filter(
    ({ access, idempotent }) => typeof access === 'string' && idempotent,
  );
  // registering again needs the same password, and refreshing the same token
  expect(shared.map(({ path }) => path)).toEqual(['/auth/register', '/auth/refresh']);
});

describe('a route that changes something', () => {
  const changing = rpcRoutes.filter(({ method }) => method !== 'GET');

  it.each(named(changing.filter(({ resource }) => resource !== undefined)))(
    '%s names the resource of its conditions, which another route reads with its version',
    (_, { app, rpc, resource }) => {
      expect(resource?.output.field['updatedAt']?.message?.typeName).toBe(
        'google.protobuf.Timestamp',
      );
      for (const { localName } of resource?.input.fields ?? []) {
        expect(rpc.input.field).toHaveProperty(localName);
      }
      const reading = rpcRoutes.filter((route) => route.rpc === resource && route.app === app);
      expect(reading.map(({ method }) => method)).toEqual(['GET']);
    },
  );

  it('concerns no version of a resource only in these cases', () => {
    const unversioned = changing.filter(({ resource }) => resource === undefined);
    const cases = {
      'proves who the caller is': [
        'POST /auth/register',
        'POST /auth/login',
        'POST /auth/refresh',
        'POST /auth/logout',
        'POST /auth/password-reset',
        'POST /auth/password-reset/confirm',
        'POST /auth/verify-email',
        'POST /users/verification-email',
        'POST /users/password',
      ],
      'creates something with an id that the platform or the client chooses': [
        'POST /api-keys',
        'POST /products',
        'POST /orders',
        'POST /orders/:orderId/returns',
        'POST /delivery-quotes',
        'POST /shops',
        'POST /devices',
        'POST /devices/:deviceId/commands',
        'POST /vends',
      ],
      'ends something for good, or marks it, whatever its state': [
        'DELETE /api-keys/:keyId',
        'DELETE /users/sessions',
        'DELETE /users/sessions/:sessionId',
        'DELETE /admin/users/:userId/sessions',
        'POST /notifications/read',
        'POST /notifications/:notificationId/read',
        'DELETE /admin/dead-letters/:service/:id',
        'POST /admin/dead-letters/:service/:id/replay',
        'POST /admin/dead-letter-replays/:service',
        'POST /search/index/rebuild',
      ],
      'counts or adds pieces, which other changes neither lose nor overwrite': [
        'POST /inventory/:shopId/:productId/adjustments',
        'POST /inventory/:shopId/:productId/counts',
      ],
      'wins or loses against the fulfilment of the order by a decision of its own': [
        'POST /orders/:orderId/cancel',
      ],
    };
    expect(unversioned.map(nameOf).sort()).toEqual(Object.values(cases).flat().sort());
  });
});

describe.each(named(rpcRoutes))('%s', (_, route) => {
  it('passes the request to the service and returns its response', async () => {
    const { status, body } = await send(route);
    const { data } = exampleOf(route);
    expect(body).toMatchObject({ success: true });
    expect(body.data).toEqual(data);
    expect(status).toBe(statusOf(route, exampleOf(route)));
    expect(received?.appId).toBe(appOf(route));
    expect(received?.method.name).toBe(route.rpc.name);
    const { input } = route.rpc;
    expect(toJson(input, received!.request)).toEqual(toJson(input, exampleMessage(route)));
    // nothing of the example is lost, except for the app that the path names
    const { params = {}, query, body: sent } = exampleOf(route);
    const { service: __, ...fields } = params;
    const { updateMask: ___, ...read } = toJson(input, received!.request) as Record<
      string,
      unknown
    >;
    expect(read).toEqual({ ...fields, ...query, ...sent });
  });

  it('returns zero values for fields that the service left unset', async () => {
    // a mapping of the HTTP status needs one
    const set =
      typeof route.status === 'number' ? {} : { status: exampleOf(route).data?.['status'] };
    otherResponse = create(route.rpc.output, set as never);
    const { body } = await send(route).finally(() => (otherResponse = undefined));
    const zeros = route.rpc.output.fields.flatMap((field) => {
      const zero = zeroOf(field);
      return zero === undefined ? [] : [[field.jsonName, zero]];
    });
    expect(body.data).toEqual({ ...Object.fromEntries(zeros), ...set });
  });

  it('requires a permitted role', async () => {
    const { path, body } = exampleRequest(route);
    const anonymous = await edge.send(route.method, path, { body });
    if (typeof route.access === 'string') {
      expect(anonymous.status).toBeLessThan(300);
      return;
    }
    expect(anonymous).toMatchObject({ status: 401, body: { success: false, statusCode: 401 } });
    for (const role of ROLES) {
      const token = await edge.token({ role });
      const { status } = await edge.send(route.method, path, { body, token });
      if (route.access.includes(role)) expect(status).toBeLessThan(300);
      else expect(status).toBe(403);
    }
  });

  it('names each field of the body that has the wrong type', async () => {
    const body = exampleRequest(route).body ?? {};
    expect(Object.keys(body).sort()).toEqual([...route.body].sort());
    for (const { path, wrong } of wrongBodies(route.rpc.input, body)) {
      const { status, body: response } = await send(route, { body: wrong });
      const fields = response.details?.fields?.map(({ field }) => field);
      expect({ path, status, fields }).toEqual({ path, status: 422, fields: [path] });
      expect(response.error).toContain(`${path} must be `);
      expect(received).toBeUndefined();
    }
  });

  it('refuses unknown and forbidden fields of the body by name', async () => {
    if (route.method !== 'POST' && route.method !== 'PATCH') return;
    // fields of the path are not for the body to set, nor are those for services only
    const others = route.rpc.input.fields.filter(({ jsonName }) => !route.body.includes(jsonName));
    for (const { jsonName } of others) {
      const sent = { ...exampleRequest(route).body, [jsonName]: 'x' };
      const { body } = await send(route, { body: sent });
      expect(body.details?.fields).toEqual([{ field: jsonName, message: 'is unknown' }]);
    }
    const never = ['role', '__proto__', 'constructor', 'unitPrice'];
    for (const name of never.filter((name) => !route.body.includes(name))) {
      for (const { path, raw } of withField(exampleRequest(route).body ?? {}, name)) {
        if (isFree(route.rpc.input, path)) continue;
        const { status, body } = await send(route, { raw });
        const fields = [{ field: path, message: 'is unknown' }];
        expect({ status, details: body.details }).toEqual({ status: 422, details: { fields } });
        expect(received).toBeUndefined();
      }
    }
  });

  it('refuses unknown, repeated and malformed parameters of the query by name', async () => {
    const [path = ''] = exampleRequest(route).path.split('?');
    const others = route.rpc.input.fields.filter(({ jsonName }) => !route.query.includes(jsonName));
    for (const name of ['order', '__proto__', ...others.map(({ jsonName }) => jsonName)]) {
      const { status, body } = await send(route, { path: `${path}?${name}=1` });
      expect({ status, fields: body.details?.fields?.[0]?.field }).toEqual({
        status: 422,
        fields: name,
      });
    }
    for (const name of route.query) {
      const twice = await send(route, { path: `${path}?${name}=1&${name}=2` });
      expect(twice).toMatchObject({
        status: 422,
        body: { details: { fields: [{ field: name }] } },
      });
      const field = route.rpc.input.fields.find(({ jsonName }) => jsonName === name);
      if (field?.scalar === ScalarType.STRING) continue;
      for (const wrong of ['abc', '1.5', '', '99999999999', '1e3']) {
        const { status, body } = await send(route, { path: `${path}?${name}=${wrong}` });
        expect(status).toBe(422);
        const kind = field?.scalar === ScalarType.BOOL ? 'true or false' : 'a whole number';
        expect(body.error).toMatch(new RegExp(`^${name} must be ${kind}`));
      }
    }
  });
});

it.each([
  ['POST /inventory/:shopId/:productId/adjustments', { change: -5, reason: 'broken' }],
  ['POST /machines/:machineId/restocks', { slot: 'A3', quantity: -2 }],
])('%s accepts a negative number', async (name, body) => {
  const route = rpcRoutes.find((each) => nameOf(each) === name)!;
  expect((await send(route, { body })).status).toBe(200);
  expect(toJson(route.rpc.input, received!.request)).toMatchObject(body);
});

/** What a response contains for a field without a value; undefined if it leaves the field out. */
function zeroOf({ fieldKind, scalar, proto }: DescField): unknown {
  if (fieldKind === 'list') return [];
  if (fieldKind !== 'scalar' || proto.proto3Optional) return undefined;
  if (scalar === ScalarType.STRING) return '';
  return scalar === ScalarType.BOOL ? false : 0;
}

/** Copies of the body in which one field has another type, for each field at every depth. */
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

/** A Timestamp or a Struct, whose JSON is not an object of its fields. */
const isWhole = ({ typeName }: DescMessage) => typeName.startsWith('google.protobuf.');

/** Whether the path leads into a Struct, which may have any fields. */
function isFree(desc: DescMessage, path: string): boolean {
  const [name = '', ...inner] = path.split('.');
  const field = desc.fields.find(({ jsonName }) => jsonName === name);
  return inner.length > 0 && field?.message !== undefined && isWhole(field.message);
}

/** Copies of the body as text in which one object has one more field, for each object. */
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
  // as text, since an object literal treats __proto__ specially
  return marked(body, '').map(({ path, value }) => ({
    path,
    raw: JSON.stringify(value).replace('"@"', JSON.stringify(name)),
  }));
}

it('accepts an Idempotency-Key on every route that changes something, except for these', () => {
  const changing = rpcRoutes.filter(({ method }) => method !== 'GET');
  expect(changing.filter(({ idempotent }) => !idempotent).map(nameOf)).toEqual([
    // another token changes nothing, and no response with one is stored
    'POST /auth/login',
    'POST /auth/logout',
    // the response is the same, and the number of e-mails is limited
    'POST /auth/password-reset',
    // a token is valid once
    'POST /auth/password-reset/confirm',
    'POST /auth/verify-email',
    // deleting again has the same effect
    'DELETE /api-keys/:keyId',
    // the response contains a token, as above
    'POST /users/password',
    // ending again has the same effect
    'DELETE /users/sessions',
    'DELETE /users/sessions/:sessionId',
    'DELETE /admin/users/:userId/sessions',
    // a quote is not repeated by its key: clients that are not signed in would share their keys
    'POST /delivery-quotes',
    'DELETE /shops/:shopId/offers/:productId',
    'DELETE /devices/:deviceId',
    'DELETE /admin/dead-letters/:service/:id',
  ]);
});
