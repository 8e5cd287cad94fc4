import { type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { RpcRoute } from '../../services/gateway/routes/types';
import { routes } from '../../services/gateway/routes/table';
import { ADMIN } from '../harness/system';
import { Edge, LoggedIn, Profile, type Refusal } from './edge';
import { ADDRESS, SystemFixture, PRICE, SHOP } from './fixtures';

// The routes come from the edge's own table, so that none is forgotten.

interface Example {
  /** A valid body, in which each field is made invalid in turn. */
  body?: Record<string, unknown>;
  /** Optional fields. */
  optional?: readonly string[];
  /** Values that have the right type and are refused, by field. */
  refused: Record<string, readonly unknown[]>;
}

const LONG = 'x'.repeat(10_000);
// longer than any category, and shorter than the longest URL
const LONG_IN_URL = 'x'.repeat(1_000);
const REFRESH_TOKEN = `user_1.session_1.${'x'.repeat(43)}`;
const NO_ID = 'no%20id!';
const NO_NUMBERS = ['0', '-1', 'x', '', '1.5', '1e2', ' 1', '1 ', '+1', '0x1', '١', '1,2'];
const page = {
  page: [...NO_NUMBERS, '2147483648', '1000000000000'],
  limit: [...NO_NUMBERS, '101'],
};
const product = { name: 'Pen', description: 'Blue.', category: 'office', price: PRICE };
const refusedProduct = {
  name: ['', LONG],
  description: [LONG],
  category: ['', LONG],
  'price.amount': ['', '-1.00', '1.234', 'a lot'],
  'price.currency': ['', 'euro', 'ZZZ', 'XXX', 'HRK'],
};
const shop = {
  name: 'Corner',
  channels: ['store'],
  timeZone: 'Europe/Berlin',
  openingHours: [{ day: 'monday', opens: '09:00', closes: '18:30' }],
};
const policies = {
  sellsCatalogue: true,
  ordersWhenClosed: 'accept',
  deliveryPaidBy: 'shop',
  pickupHoldHours: 72,
  returnDays: 14,
};
const POLICIES = ['policies', ...Object.keys(policies).map((name) => `policies.${name}`)];
const refusedShop = {
  name: ['', LONG],
  channels: [Array.from({ length: 21 }, () => 'store')],
  'channels.0': ['', 'by pigeon'],
  timeZone: ['', 'Berlin', '+01:00'],
  openingHours: [Array.from({ length: 51 }, () => shop.openingHours[0])],
  'openingHours.0.day': ['', 'someday'],
  'openingHours.0.opens': ['', '9:00', '24:00'],
  'openingHours.0.closes': ['', '24:01', '09:00'],
  'policies.sellsCatalogue': [],
  'policies.ordersWhenClosed': ['', 'perhaps'],
  'policies.deliveryPaidBy': ['', 'nobody'],
  'policies.pickupHoldHours': [0, -1, 721],
  'policies.returnDays': [-1, 366],
};
const device = { shopId: SHOP, name: 'Hall', firmwareVersion: '1.0' };
const refusedDevice = { shopId: ['', 'no id!'], name: ['', LONG], firmwareVersion: ['', LONG] };
const account = { email: 'input@example.com', password: 'a-password-of-a-test', name: 'Ada' };

const examples: Record<string, Example> = {
  'POST /auth/register': {
    body: account,
    refused: {
      email: ['', 'ada', LONG],
      password: ['', 'short', 'password1', LONG],
      name: ['', LONG],
    },
  },
  'POST /auth/login': {
    body: { email: account.email, password: account.password },
    refused: { email: ['', 'ada'], password: ['', LONG] },
  },
  'POST /auth/refresh': {
    body: { refreshToken: REFRESH_TOKEN },
    refused: { refreshToken: ['', 'a.b', LONG] },
  },
  'POST /auth/logout': {
    body: { refreshToken: REFRESH_TOKEN },
    refused: { refreshToken: ['', 'a.b', LONG] },
  },
  'POST /auth/password-reset': {
    body: { email: account.email },
    refused: { email: ['', 'ada', LONG] },
  },
  'POST /auth/password-reset/confirm': {
    body: { token: REFRESH_TOKEN, newPassword: account.password },
    refused: { token: ['', 'a.b', LONG], newPassword: ['', 'short', LONG] },
  },
  'POST /auth/verify-email': {
    body: { token: REFRESH_TOKEN },
    refused: { token: ['', 'a.b', LONG] },
  },
  'POST /api-keys': {
    body: { name: 'ERP', role: 'seller', scopes: ['orders:read'], validDays: 90 },
    optional: ['validDays', 'ownerId'],
    refused: {
      name: ['', LONG],
      role: ['', 'customer'],
      scopes: [[]],
      validDays: [-1, 366],
      ownerId: [NO_ID, 'user_unknown'],
    },
  },
  'GET /api-keys': { refused: page },
  'DELETE /api-keys/:keyId': { refused: { keyId: [NO_ID] } },
  'GET /users/profile': { refused: {} },
  'PATCH /users/profile': {
    body: { name: 'Ada', phone: '+49 30 123456' },
    optional: ['name', 'phone'],
    refused: { name: ['', LONG, 'see https://evil.example'], phone: ['call me'] },
  },
  'POST /users/verification-email': { refused: {} },
  'POST /users/password': {
    body: { currentPassword: account.password, newPassword: 'another-password-of-a-test' },
    refused: { currentPassword: ['', LONG], newPassword: ['', 'short', 'password1', LONG] },
  },
  'GET /users/sessions': { refused: page },
  'DELETE /users/sessions': { refused: { except: ['', 'no id!'] } },
  'DELETE /users/sessions/:sessionId': { refused: { sessionId: [NO_ID] } },
  'GET /admin/users': {
    refused: { ...page, search: ['ab', LONG_IN_URL], role: ['root'], state: ['gone'] },
  },
  'GET /admin/users/:userId': { refused: { userId: [NO_ID] } },
  'POST /admin/users/:userId/role': {
    body: { role: 'seller' },
    refused: { userId: [NO_ID], role: ['', 'service', 'root'] },
  },
  'DELETE /admin/users/:userId/sessions': { refused: { userId: [NO_ID] } },
  'POST /admin/users/:userId/block': { refused: { userId: [NO_ID] } },
  'POST /admin/users/:userId/unblock': { refused: { userId: [NO_ID] } },
  'GET /products': { refused: { ...page, category: [LONG_IN_URL] } },
  'GET /products/:productId': { refused: { productId: [NO_ID] } },
  'POST /products': { body: product, optional: ['description'], refused: refusedProduct },
  'PATCH /products/:productId': {
    body: product,
    optional: ['name', 'description', 'category', 'price'],
    refused: { ...refusedProduct, productId: [NO_ID] },
  },
  'GET /products/:productId/owner': { refused: { productId: [NO_ID] } },
  'POST /products/:productId/owner': {
    body: { ownerId: 'user_1' },
    refused: { productId: [NO_ID], ownerId: ['', NO_ID] },
  },
  'GET /inventory/:shopId/:productId': { refused: { shopId: [NO_ID], productId: [NO_ID] } },
  'POST /inventory/:shopId/:productId/adjustments': {
    body: { change: 1, reason: 'Delivery of Monday', minimumStock: 1 },
    optional: ['minimumStock'],
    refused: {
      shopId: [NO_ID],
      productId: [NO_ID],
      change: [0, 2_000_000],
      reason: ['', LONG],
      minimumStock: [-1],
    },
  },
  'POST /inventory/:shopId/:productId/counts': {
    body: { pieces: 1, reason: 'Inventory of January', minimumStock: 1 },
    optional: ['minimumStock'],
    refused: {
      shopId: [NO_ID],
      productId: [NO_ID],
      pieces: [-1, 2_000_000],
      reason: ['', LONG],
      minimumStock: [-1],
    },
  },
  'POST /orders': {
    body: {
      shopId: SHOP,
      items: [{ productId: 'product_1', quantity: 1 }],
      payment: { method: 'card', token: 'tok_ok' },
      deliveryAddress: { ...ADDRESS, line2: 'Second floor' },
      channel: 'online',
      quoteId: 'quote_1',
    },
    optional: ['deliveryAddress.line2', 'channel', 'quoteId'],
    refused: {
      shopId: ['', 'no id!'],
      items: [[]],
      'items.0.productId': ['', 'no id!'],
      'items.0.quantity': [0, -1, 1_000_000],
      'payment.method': ['', 'by magic!'],
      'payment.token': ['', '4111 1111 1111 1111', LONG],
      'deliveryAddress.name': ['', LONG],
      'deliveryAddress.line1': ['', LONG],
      'deliveryAddress.line2': [LONG],
      'deliveryAddress.postalCode': ['', LONG, '00000', 'L-1234'],
      'deliveryAddress.city': ['', LONG],
      'deliveryAddress.country': ['', 'Germany', 'de', 'ZZ'],
      channel: ['', 'pigeon', 'marketplace'],
      quoteId: ['', 'no id!'],
    },
  },
  'GET /orders': { refused: page },
  'GET /orders/:orderId': { refused: { orderId: [NO_ID] } },
  'GET /orders/:orderId/story': { refused: { orderId: [NO_ID] } },
  'POST /orders/:orderId/cancel': {
    body: { reason: 'changed_my_mind' },
    optional: ['reason'],
    refused: { orderId: [NO_ID], reason: ['I moved.', LONG] },
  },
  'POST /orders/:orderId/pickup': {
    body: { status: 'ready' },
    refused: { orderId: [NO_ID], status: ['', 'preparing'] },
  },
  'GET /shops/:shopId/pickups': { refused: { ...page, shopId: [NO_ID] } },
  'POST /orders/:orderId/returns': {
    body: { items: [{ productId: 'product_1', quantity: 1 }], reason: 'damaged' },
    optional: ['items', 'reason'],
    refused: {
      orderId: [NO_ID],
      items: [Array.from({ length: 51 }, () => ({ productId: 'product_1', quantity: 1 }))],
      'items.0.productId': ['', 'no id!'],
      'items.0.quantity': [0, -1, 1_001],
      reason: ['It is broken.', LONG],
    },
  },
  'GET /orders/:orderId/returns/:returnId': { refused: { orderId: [NO_ID], returnId: [NO_ID] } },
  'POST /orders/:orderId/returns/:returnId/receipt': {
    refused: { orderId: [NO_ID], returnId: [NO_ID] },
  },
  'POST /orders/:orderId/returns/:returnId/decision': {
    body: { items: [{ productId: 'product_1', accepted: 1, restocked: 1 }] },
    optional: ['items', 'items.0.accepted', 'items.0.restocked'],
    refused: {
      orderId: [NO_ID],
      returnId: [NO_ID],
      items: [Array.from({ length: 51 }, () => ({ productId: 'product_1' }))],
      'items.0.productId': ['', 'no id!'],
      'items.0.accepted': [-1, 1_001],
      'items.0.restocked': [-1, 1_001],
    },
  },
  'GET /shops/:shopId/returns': { refused: { ...page, shopId: [NO_ID] } },
  'POST /delivery-quotes': {
    body: { shopId: SHOP, address: { ...ADDRESS, line2: 'Second floor' }, currency: 'EUR' },
    optional: ['address.line2', 'currency'],
    refused: {
      shopId: ['', 'no id!'],
      'address.name': ['', LONG],
      'address.line1': ['', LONG],
      'address.line2': [LONG],
      'address.postalCode': ['', LONG, '00000'],
      'address.city': ['', LONG],
      'address.country': ['', 'Germany', 'ZZ'],
      currency: ['', 'euro'],
    },
  },
  'GET /payments/:paymentId': { refused: { paymentId: [NO_ID] } },
  'POST /payments/:paymentId/refunds': {
    body: { amount: PRICE, reason: 'order_cancelled' },
    optional: ['amount', 'reason'],
    refused: {
      paymentId: [NO_ID],
      'amount.amount': ['', '0.00', '-1.00', 'all'],
      'amount.currency': ['', 'euro'],
      reason: ['I moved.'],
    },
  },
  'GET /deliveries/:orderId': { refused: { orderId: [NO_ID] } },
  'POST /deliveries/:orderId/status': {
    body: { status: 'picked_up' },
    refused: { orderId: [NO_ID], status: ['', 'lost'] },
  },
  'GET /search': {
    refused: {
      ...page,
      q: ['x'.repeat(201), 'aa bb cc dd ee ff gg hh ii jj kk ll mm'],
      category: [LONG_IN_URL],
      minPrice: ['', '-1.00', '1.2345', 'a lot'],
      maxPrice: ['', '-1.00', '1.2345', 'a lot'],
      inStock: ['', 'perhaps', '1'],
      shopId: ['no id!'],
      sort: ['random'],
    },
  },
  'GET /search/suggest': {
    refused: { q: ['', 'x'.repeat(101)], limit: [...NO_NUMBERS, '21'] },
  },
  'GET /search/index': { refused: {} },
  'POST /search/index/rebuild': { refused: {} },
  'GET /notifications': { refused: page },
  'GET /notifications/unread': { refused: {} },
  'POST /notifications/read': { refused: {} },
  'POST /notifications/:notificationId/read': { refused: { notificationId: [NO_ID] } },
  'GET /shops': { refused: page },
  'POST /shops': {
    body: { ...shop, shopId: SHOP, policies },
    optional: ['openingHours', 'shopId', ...POLICIES],
    refused: { ...refusedShop, shopId: ['', 'no id!'] },
  },
  'GET /shops/:shopId': { refused: { shopId: [NO_ID] } },
  'PATCH /shops/:shopId': {
    body: { ...shop, sellerIds: ['user_1'], policies },
    optional: [...Object.keys(shop), 'sellerIds', ...POLICIES],
    refused: {
      ...refusedShop,
      shopId: [NO_ID],
      sellerIds: [Array.from({ length: 101 }, () => 'user_1')],
      'sellerIds.0': ['no id!'],
    },
  },
  'GET /shops/:shopId/offers': { refused: { ...page, shopId: [NO_ID] } },
  'POST /shops/:shopId/offers': {
    body: { productId: 'product_1', price: PRICE, channels: ['store'] },
    optional: ['price', 'channels'],
    refused: {
      shopId: [NO_ID],
      productId: ['', 'no id!'],
      'price.amount': ['', '0.00', '-1.00', '1.234'],
      'price.currency': ['', 'euro', 'HRK'],
      channels: [Array.from({ length: 21 }, () => 'store')],
      'channels.0': ['', 'by pigeon'],
    },
  },
  'GET /shops/:shopId/offers/:productId': {
    refused: { shopId: [NO_ID], productId: [NO_ID] },
  },
  'DELETE /shops/:shopId/offers/:productId': {
    refused: { shopId: [NO_ID], productId: [NO_ID] },
  },
  'GET /devices': { refused: { ...page, shopId: ['no id!'] } },
  'POST /devices': {
    body: { ...device, kind: 'shelf', deviceId: 'device_1' },
    optional: ['firmwareVersion', 'deviceId'],
    refused: { ...refusedDevice, kind: ['', 'toaster'], deviceId: ['', 'no id!'] },
  },
  'GET /devices/:deviceId': { refused: { deviceId: [NO_ID] } },
  'PATCH /devices/:deviceId': {
    body: device,
    optional: Object.keys(device),
    refused: { ...refusedDevice, deviceId: [NO_ID] },
  },
  'DELETE /devices/:deviceId': { refused: { deviceId: [NO_ID] } },
  'POST /devices/:deviceId/credential': {
    body: { atOnce: false },
    optional: ['atOnce'],
    refused: { deviceId: [NO_ID], atOnce: [] },
  },
  'GET /admin/broker-accounts': { refused: page },
  'GET /devices/:deviceId/presence': { refused: { deviceId: [NO_ID] } },
  'GET /devices/:deviceId/refusals': { refused: { ...page, deviceId: [NO_ID] } },
  'POST /devices/:deviceId/commands': {
    body: {
      ...{ commandId: 'command_1', name: 'reboot', arguments: { at: ['once'] } },
      expiresAt: '2999-01-01T00:00:00Z',
    },
    optional: ['commandId', 'arguments'],
    refused: {
      deviceId: [NO_ID],
      commandId: ['no id!'],
      name: ['', 'Do it', LONG],
      arguments: [{ text: LONG.repeat(4) }],
      expiresAt: ['', 'soon'],
    },
  },
  'GET /devices/commands/:commandId': { refused: { commandId: [NO_ID] } },
  'GET /machines': { refused: { ...page, shopId: ['', 'no id!'] } },
  'GET /machines/:machineId': { refused: { machineId: [NO_ID] } },
  'POST /machines/:machineId/planogram': {
    body: { slots: [{ slot: 'A3', productId: 'product_1', capacity: 8, price: PRICE }] },
    optional: ['slots.0.price'],
    refused: {
      machineId: [NO_ID],
      slots: [[]],
      'slots.0.slot': ['', 'no id!'],
      'slots.0.productId': ['', 'no id!'],
      'slots.0.capacity': [0, -1, 1_001],
      'slots.0.price.amount': ['', '0.00', '-1.00', '1.234'],
      'slots.0.price.currency': ['', 'euro'],
    },
  },
  'POST /machines/:machineId/restocks': {
    body: { slot: 'A3', quantity: 5 },
    // without one the request clears a fault
    optional: ['quantity'],
    refused: { machineId: [NO_ID], slot: ['', 'no id!'], quantity: [1_001, -1_001] },
  },
  'POST /vends': {
    body: { machineId: 'device_1', slot: 'A3', payment: { method: 'card', token: 'tok_ok' } },
    refused: {
      machineId: ['', 'no id!'],
      slot: ['', 'no id!'],
      'payment.method': ['', 'by magic!'],
      'payment.token': ['', '4111 1111 1111 1111', LONG],
    },
  },
  'GET /vends': { refused: { ...page, machineId: ['no id!'] } },
  'GET /vends/:vendId': { refused: { vendId: [NO_ID] } },
  'GET /vends/:vendId/story': { refused: { vendId: [NO_ID] } },
  'GET /admin/dead-letters/:service': { refused: page },
  // an event's id may be any text, as its publisher chooses it
  'GET /admin/dead-letters/:service/:id': { refused: { id: [] } },
  'DELETE /admin/dead-letters/:service/:id': { refused: { id: [] } },
  'POST /admin/dead-letters/:service/:id/replay': { refused: { id: [] } },
  'POST /admin/dead-letter-replays/:service': {
    body: { reason: 'unavailable', type: 'order.confirmed', skip: 0 },
    optional: ['reason', 'type', 'skip'],
    refused: { reason: ['', LONG], type: ['', LONG], skip: [-1] },
  },
  'GET /admin/parked-events/:service': { refused: {} },
};

let fixture: SystemFixture;

beforeAll(async () => {
  fixture = await SystemFixture.open({ apps: 'all' });
});

afterAll(() => fixture.close());

const rows = routes.filter((route): route is RpcRoute => 'rpc' in route);

test('every route has a case', () => {
  expect(Object.keys(examples).sort()).toEqual(rows.map(keyOf).sort());
});

describe.each(rows.map((row) => [keyOf(row), row] as const))('%s', (key, row) => {
  const { body, optional = [], refused } = examples[key] ?? { refused: {} };
  const inBody = body === undefined ? [] : leavesOf(row.rpc.input, row.body);
  const inPath = [...row.path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  const fields = [...inPath.filter((name) => name !== 'service'), ...row.query, ...inBody];

  const send = (change: { path?: [string, string]; query?: [string, string]; body?: unknown }) => {
    const path = row.path.replace(/:(\w+)/g, (_, name: string) => {
      if (change.path?.[0] === name) return change.path[1];
      return name === 'service' ? 'product' : `${name}_1`;
    });
    const query =
      change.query === undefined ? '' : `?${new URLSearchParams([change.query]).toString()}`;
    const sent = body === undefined ? {} : { body: change.body ?? body };
    return fixture.admin.refused(422, row.method, path + query, sent);
  };

  const expectNamed = ({ error, details }: Refusal, field: string) => {
    expect(details.fields?.map((fault) => fault.field)).toContain(field);
    expect(error).toContain(field);
  };

  test('has a refused value for each of its fields', () => {
    const free = fields.filter((field) => !(field in refused));
    expect(free).toEqual([]);
  });

  if (inBody.length > 0) {
    test.each(inBody)('refuses a %s of another type, and names it', async (field) => {
      const other = field === 'arguments' ? 'an object' : {};
      expectNamed(await send({ body: spoilt(body, field, other) }), field);
      expectNamed(await send({ body: spoilt(body, field, null) }), field);
    });

    test('refuses an unknown field, and names it', async () => {
      expectNamed(await send({ body: { ...body, surprise: 1 } }), 'surprise');
      expectNamed(await send({ body: JSON.parse('{"__proto__":1}') as unknown }), '__proto__');
    });

    const needed = inBody.filter((field) => !optional.some((one) => field.startsWith(one)));
    if (needed.length > 0) {
      test.each(needed)('refuses a request without %s, and names it', async (field) => {
        expectNamed(await send({ body: spoilt(body, field, undefined) }), field);
      });
    }
  }

  for (const [field, values] of Object.entries(refused)) {
    for (const value of values) {
      const shown = JSON.stringify(value).slice(0, 40);
      test(`refuses ${shown} as ${field}, and names it`, async () => {
        if (inPath.includes(field)) {
          expectNamed(await send({ path: [field, String(value)] }), field);
        } else if (row.query.includes(field)) {
          expectNamed(await send({ query: [field, String(value)] }), field);
        } else {
          expectNamed(await send({ body: spoilt(body, field, value) }), field);
        }
      });
    }
  }

  if (row.method === 'GET') {
    test('refuses an unknown query parameter, and names it', async () => {
      expectNamed(await send({ query: ['surprise', '1'] }), 'surprise');
    });
  }
});

describe('an unreadable body', () => {
  const sendText = (text: string, type = 'application/json') =>
    fetch(`${fixture.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: text,
    });

  test.each([
    ['is not JSON', '{"email":', 400],
    ['is nested deeper than any request', '['.repeat(200) + ']'.repeat(200), 400],
    ['is larger than any request', JSON.stringify('x'.repeat(2_000_000)), 413],
  ])('as it %s is refused', async (_, text, status) => {
    const answer = await sendText(text);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ success: false, statusCode: status });
  });

  test('is refused if its content type is not JSON', async () => {
    expect((await sendText('email=ada', 'application/x-www-form-urlencoded')).status).toBe(415);
  });
});

test('a valid token is refused once its session has ended', async () => {
  const login = { body: ADMIN };
  const { anonymous, url } = fixture;
  const { token, refreshToken } = await anonymous.ask(LoggedIn, 200, 'POST', '/auth/login', login);
  const admin = new Edge(url, token);
  await admin.get(Profile, '/users/profile');
  await anonymous.ask(z.object({}), 200, 'POST', '/auth/logout', { body: { refreshToken } });
  const { error } = await admin.refused(401, 'GET', '/users/profile');
  expect(error).toBe('the session has ended');
});

function keyOf({ method, path }: RpcRoute): string {
  return `${method} ${path}`;
}

/** The paths of the fields with a value, as errors name them: `items.0.quantity`. */
function leavesOf(message: DescMessage, takes?: readonly string[], path = ''): string[] {
  return message.fields
    .filter(({ jsonName }) => takes?.includes(jsonName) ?? true)
    .flatMap((field) => {
      const at = `${path}${field.jsonName}`;
      if (field.fieldKind === 'list') {
        return [at, ...(field.message ? leavesOf(field.message, undefined, `${at}.0.`) : [])];
      }
      // such as a time, which is text in JSON
      if (field.message?.typeName.startsWith('google.protobuf.') === true) return [at];
      if (field.message !== undefined) return leavesOf(field.message, undefined, `${at}.`);
      return field.scalar === ScalarType.BYTES ? [] : [at];
    });
}

/** A copy with another value in one place, or without it. */
function spoilt(body: unknown, field: string, value: unknown): unknown {
  const copy = structuredClone(body) as Record<string, unknown>;
  const names = field.split('.');
  const last = names.pop() ?? '';
  let inner = copy;
  // the example has every field of the message
  for (const name of names) inner = inner[name] as Record<string, unknown>;
  if (value === undefined) Reflect.deleteProperty(inner, last);
  else inner[last] = value;
  return copy;
}
