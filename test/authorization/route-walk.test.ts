import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type DescMethodUnary, type JsonValue, fromJson } from '@bufbuild/protobuf';
import { Code, MicroserviceError } from '#kit/core/errors';
import { exampleOf } from '../../services/gateway/openapi/document';
import { BASE, routes } from '../../services/gateway/routes/table';
import type { RpcRoute } from '../../services/gateway/routes/types';
import { nameOf } from '../../services/gateway/testing/example-requests';
import { type AppName, OTHER_TENANT, Platform, SLOT, ada, carl, sally } from './platform';
import {
  type Actor,
  type OwnedRoute,
  ownersOf,
  permittedCallers,
  signedIn,
  strangersTo,
} from './strangers';

// Walks the table of routes: each row declares whose things it reads or changes, and every stranger is
// refused by the real edge before the real services. A new row is walked without a change here.

const owned = routes.filter((route): route is OwnedRoute => 'owner' in route);
const rows = owned.map((route) => [nameOf(route), route] as const);

/** Whether strangers to Sally's and Carl's things are refused, and not just shown their own. */
const isExclusive = (route: OwnedRoute) =>
  !ownersOf(route).some((owner) => ['everyone', 'credentials', 'caller'].includes(owner));

/** What the examples of the documentation need, to be good requests about Sally's and Carl's things. */
const CHANGES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  // only admins may choose an id, or the sellers
  'POST /shops': { shopId: undefined },
  'PATCH /shops/:shopId': { sellerIds: undefined },
  'POST /api-keys': { ownerId: undefined },
  'POST /products/:productId/owner': { ownerId: sally.userId },
  'POST /devices': { deviceId: undefined },
  'POST /devices/:deviceId/commands': { commandId: undefined, expiresAt: '2026-01-01T00:10:00Z' },
  'POST /deliveries/:orderId/status': { status: 'picked_up' },
  'POST /payments/:paymentId/refunds': { amount: { amount: '1.00', currency: 'EUR' } },
  'POST /machines/:machineId/restocks': { slot: SLOT, quantity: 1 },
  'POST /vends': { slot: SLOT },
  'POST /orders': { quoteId: undefined },
};

/** Which of Carl's orders and returns a route is about, where its state matters; names of `platform.ids`. */
const THINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'POST /orders/:orderId/pickup': { orderId: 'pickupOrderId' },
  'POST /orders/:orderId/returns': { orderId: 'counterOrderId' },
  'GET /orders/:orderId/returns/:returnId': { orderId: 'counterOrderId' },
  'POST /orders/:orderId/returns/:returnId/receipt': { orderId: 'counterOrderId' },
  'POST /orders/:orderId/returns/:returnId/decision': {
    orderId: 'counterOrderId',
    returnId: 'receivedReturnId',
  },
};

/** The ids of the things that a route is about. */
function idsFor(route: OwnedRoute): Readonly<Record<string, string | undefined>> {
  const { ids } = platform;
  const things = Object.entries(THINGS[nameOf(route)] ?? {});
  return { ...ids, ...Object.fromEntries(things.map(([name, thing]) => [name, ids[thing]])) };
}

const counts = { routes: 0, changing: 0, exclusive: 0, edge: 0, services: 0, permitted: 0 };

// a test sends about ten requests, which take long on a busy machine
jest.setTimeout(60_000);

let platform: Platform;

beforeEach(async () => {
  platform = await Platform.open();
});
afterEach(() => platform.close());

afterAll(() => {
  process.stdout.write(
    `route walk: ${counts.routes} routes, ${counts.changing} of them change something; ` +
      `${counts.exclusive} have an owner besides the caller: ${counts.edge} requests of strangers ` +
      `refused at the edge, ${counts.services} by the service itself, ` +
      `${counts.permitted} requests of those permitted accepted\n`,
  );
});

test('each route that calls a service declares an owner', () => {
  const calling = routes.filter((route) => !('handle' in route));
  expect(calling.filter((route) => !('owner' in route)).map(nameOf)).toEqual([]);
  expect(owned.filter((route) => ownersOf(route).length === 0).map(nameOf)).toEqual([]);
});

test('no route that changes something is for everyone', () => {
  const changing = owned.filter(({ method }) => method !== 'GET');
  const free = changing.filter((route) => ownersOf(route).includes('everyone'));
  expect(free.map(nameOf)).toEqual([]);
  // the secret in the body is the proof; see services/user
  const proven = owned.filter((route) => ownersOf(route).includes('credentials'));
  expect(proven.every(({ path }) => path.startsWith('/auth/'))).toBe(true);
});

test('a route whose path names a thing belongs to more than its caller', () => {
  const naming = owned.filter(({ path }) => path.includes('/:'));
  expect(naming.filter((route) => ownersOf(route).includes('caller')).map(nameOf)).toEqual([]);
});

describe.each(rows)('%s', (_, route) => {
  test('refuses every stranger, and changes and reveals nothing', async () => {
    counts.routes++;
    if (route.method !== 'GET') counts.changing++;
    if (isExclusive(route)) counts.exclusive++;
    for (const stranger of await strangersTo(route, platform)) {
      const before = { state: platform.state(), documents: documentsOf(stranger) };
      const { status, text } = await send(route, stranger);
      await platform.settle();
      const outcome = { stranger: stranger.name, status, text };
      // an admin of another tenant gets what that tenant has, and a public route is for everyone
      const mayPass = !isExclusive(route) || isOfOtherTenant(stranger);
      const isRefused = [401, 403, 404].includes(status);
      expect({ ...outcome, isRefused: isRefused || mayPass }).toEqual({
        ...outcome,
        isRefused: true,
      });
      expect({ ...outcome, revealed: revealedTo(stranger, text) }).toEqual({
        ...outcome,
        revealed: [],
      });
      if (isRefused) {
        expect({ ...outcome, state: platform.state() }).toEqual({
          ...outcome,
          state: before.state,
        });
        counts.edge++;
      }
      // what it did for itself changed nothing of theirs
      const documents = documentsOf(stranger);
      expect({ ...outcome, documents }).toEqual({ ...outcome, documents: before.documents });
    }
  });

  if (isExclusive(route) && 'rpc' in route) {
    test('is refused to every stranger by the service itself', async () => {
      for (const { name: stranger, caller } of await strangersTo(route, platform)) {
        if (caller === undefined || caller.tenantId === OTHER_TENANT) continue;
        const before = platform.state();
        const refusal: unknown = await platform
          .call(appOf(route), route.rpc, messageOf(route), caller)
          .catch((error: unknown) => error);
        const code = refusal instanceof MicroserviceError ? Code[refusal.code] : String(refusal);
        const refused = ['UNAUTHENTICATED', 'PERMISSION_DENIED', 'NOT_FOUND'].includes(code);
        expect({ stranger, code, refused }).toEqual({ stranger, code, refused: true });
        expect(platform.state()).toBe(before);
        counts.services++;
      }
    });
  }

  if (!ownersOf(route).includes('credentials')) {
    test('accepts the same request of those whose things they are', async () => {
      for (const caller of permittedCallers(route)) {
        await platform.close();
        platform = await Platform.open();
        const actor = await signedIn(platform, caller, caller.userId);
        const { status, text } = await send(route, actor);
        expect({ caller: caller.userId, text, isAccepted: status < 300 }).toMatchObject({
          isAccepted: true,
        });
        counts.permitted++;
      }
    });
  }
});

const conditional = owned.filter(
  (route): route is RpcRoute & { resource: DescMethodUnary } =>
    'rpc' in route && route.resource !== undefined,
);

describe.each(conditional.map((route) => [nameOf(route), route] as const))('%s', (_, route) => {
  /** The route that reads what this one changes. */
  const reading = owned.find((other) => 'rpc' in other && other.rpc === route.resource);
  // an admin may read all that an admin may change
  const admin = () => signedIn(platform, ada, ada.userId);
  let actor: Actor;

  /** The resource as its next reader sees it, and its ETag. */
  async function present() {
    if (reading === undefined) throw new Error('no route reads the resource');
    const { status, etag, text } = await send(reading, actor, {}, idsFor(route));
    return { status, etag, data: (JSON.parse(text) as { data?: unknown }).data };
  }

  beforeEach(async () => {
    actor = await admin();
  });

  test.each([
    ['of another version', { 'if-match': '"abc"' }],
    ['of a weak tag', { 'if-match': 'W/"abc"' }],
    ['of an earlier time', { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' }],
    ['that it does not exist', { 'if-none-match': '*' }],
  ])('changes nothing on a condition %s', async (_, headers) => {
    const before = await present();
    expect(before.status).toBe(200);
    const events = platform.events();
    const refused = await send(route, actor, headers);
    expect({ ...refused, text: '' }).toMatchObject({ status: 412, etag: before.etag });
    await platform.settle();
    expect(await present()).toEqual(before);
    expect(platform.events()).toEqual(events);
  });

  test('is made once on the condition that it has its version, and not on an earlier one', async () => {
    const before = await present();
    expect(before).toMatchObject({ status: 200, etag: expect.stringMatching(/^"/) });
    const headers = { 'if-match': before.etag, 'idempotency-key': 'first' };
    const changed = await send(route, actor, headers);
    expect({ text: changed.text, isMade: changed.status < 300 }).toMatchObject({ isMade: true });
    await platform.settle();
    const after = await present();
    if (route.idempotent) {
      const again = await send(route, actor, headers);
      const dataIn = ({ text }: { text: string }) => (JSON.parse(text) as { data: unknown }).data;
      expect([again.status, dataIn(again)]).toEqual([changed.status, dataIn(changed)]);
      expect(await present()).toEqual(after);
    }
    if (after.etag === before.etag) return;
    const late = await send(route, actor, { 'if-match': before.etag });
    expect(late).toMatchObject({ status: 412, etag: after.etag });
    expect(await present()).toEqual(after);
  });

  test('is made on the condition that it exists, or has not changed since', async () => {
    const later = new Date(platform.edge.clock.now() + 1_000).toUTCString();
    for (const headers of [{ 'if-match': '*' }, { 'if-unmodified-since': later }]) {
      await platform.close();
      platform = await Platform.open();
      const { status, text } = await send(route, await admin(), headers);
      expect({ text, isMade: status < 300 }).toMatchObject({ isMade: true });
    }
  });
});

const isOfOtherTenant = ({ caller }: Actor) => caller?.tenantId === OTHER_TENANT;

/** What a stranger must not change: what contains the id of Sally or Carl; of their tenant, all of it. */
function documentsOf(stranger: Actor): string[] {
  // the result of a command belongs to nobody: it waits for the caller of the command
  const documents = platform.documents().filter((text) => !text.startsWith('outcome:'));
  if (isOfOtherTenant(stranger)) return documents;
  return documents.filter((text) => text.includes(sally.userId) || text.includes(carl.userId));
}

/** Of what only its owner may see, what a response contains. */
function revealedTo({ caller }: Actor, text: string): string[] {
  const { orderId, paymentId, vendId, commandId, keyId, id } = platform.ids;
  const secrets = [sally.userId, carl.userId, orderId, paymentId, vendId, commandId, keyId, id];
  return secrets
    .filter((secret) => secret !== undefined && secret !== caller?.userId)
    .map(String)
    .filter((secret) => text.includes(secret));
}

async function send(
  route: OwnedRoute,
  { headers }: Actor,
  conditions: Readonly<Record<string, string>> = {},
  ids = idsFor(route),
) {
  const { method, path } = route;
  const { query = {}, body } = requestOf(route);
  const filled = path.replace(/:(\w+)/g, (_, name: string) => ids[name] ?? '');
  const texts = Object.entries(query).map(([name, value]) => [name, String(value)]);
  const search = texts.length === 0 ? '' : `?${new URLSearchParams(texts).toString()}`;
  const response = await fetch(`http://127.0.0.1:${platform.edge.port}${BASE}${filled}${search}`, {
    method,
    headers: {
      ...headers,
      ...conditions,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = 'streams' in route ? await firstOf(response) : await response.text();
  return { status: response.status, text, etag: response.headers.get('etag') ?? '' };
}

/** The first part of a stream, or all of a refusal. */
async function firstOf(response: Response): Promise<string> {
  if (!response.ok) return response.text();
  const reader = response.body?.getReader();
  const part = await reader?.read();
  await reader?.cancel();
  return Buffer.from((part?.value as Uint8Array | undefined) ?? []).toString();
}

/** The example of the route, about Sally's and Carl's things. */
function requestOf(route: OwnedRoute) {
  const { params = {}, query, body } = exampleOf(route);
  const ids = idsFor(route);
  const ours = {
    params: withIds(params, ids),
    query: withIds(query, ids),
    body: withIds(body, ids),
  };
  const changed = { ...(ours.body as object), ...CHANGES[nameOf(route)] };
  const sent =
    ours.body === undefined ? undefined : (JSON.parse(JSON.stringify(changed)) as object);
  return { ...ours, query: ours.query as Record<string, unknown> | undefined, body: sent };
}

/** A copy in which each id is that of Sally's or Carl's thing. */
function withIds(
  value: unknown,
  ids: Readonly<Record<string, string | undefined>>,
  name = '',
): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => withIds(item, ids));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, withIds(inner, ids, key)]),
    );
  }
  return ids[name] ?? value;
}

function messageOf(route: RpcRoute) {
  const { params, query, body } = requestOf(route);
  const { service: _, ...fields } = params as Record<string, unknown>;
  return fromJson(route.rpc.input, { ...fields, ...query, ...body } as JsonValue);
}

const appOf = ({ app }: RpcRoute): AppName => (app === ':service' ? 'product' : app);
