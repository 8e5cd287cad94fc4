import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type DescMessage, type Message, fromJson, toJson } from '@bufbuild/protobuf';
import { Ajv2020 } from 'ajv/dist/2020';
import { fullFormats } from 'ajv-formats/dist/formats';
import type { CallRequest } from '#kit/transport/sidecar';
import { BASE } from '../app';
import { documented } from './examples/examples';
import { aboutOf, statusOf } from './document';
import { MessageSchemas } from './messages';
import type { RpcRoute } from '../routes/types';
import { routes } from '../routes/table';
import { type Answered, type Edge, openEdge } from '../testing/edge';
import { document, exampleOf, judge, placeOf, tokenFor } from '../testing/openapi-document';

const rows = routes.filter((route): route is RpcRoute => 'rpc' in route);
const named = rows.map((row) => [`${row.method} ${row.path}`, row] as const);

const formats = { ...fullFormats, int32: true } as const;
const { faultsOf } = judge(new Ajv2020({ strict: false, formats }));

let edge: Edge;
let arrived: CallRequest | undefined;

beforeAll(async () => {
  const calls: Record<string, Record<string, unknown>> = {};
  for (const row of rows) {
    const app = row.app === ':service' ? 'order' : row.app;
    (calls[app] ??= {})[row.rpc.localName] = (_: Message, call: CallRequest) => {
      arrived = call;
      // an example is JSON
      return fromJson(row.rpc.output, aboutOf(row).data as never);
    };
  }
  // made from the descriptors of the table, which the type is derived from as well
  edge = await openEdge(calls);
});
afterAll(() => edge.close());

async function askExample(row: RpcRoute): Promise<Answered> {
  const { path, body } = exampleOf(row);
  return edge.ask(row.method, path, { token: await tokenFor(edge, row), body });
}

it('tells of every route, and of no other', () => {
  const told = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const table = routes.map(({ method, path }) => `${method} ${placeOf(path)}`);
  expect(told.sort()).toEqual(table.sort());
  const keys = routes.map(({ method, path }) => `${method} ${path}`);
  expect(Object.keys(documented).sort()).toEqual(keys.sort());
});

it('names each operation once', () => {
  const names = Object.values(document.paths)
    .flatMap((operations) => Object.values(operations))
    .map(({ operationId }) => operationId);
  expect(new Set(names).size).toBe(names.length);
});

describe.each(named)('the example of %s', (_, row) => {
  it('is a request that the edge takes, and the whole answer to it', async () => {
    const { params = {}, query = {}, body = {}, data } = aboutOf(row);
    const { service: __, ...named } = params;
    const answer = await askExample(row);
    expect(answer).toMatchObject({ status: statusOf(row, aboutOf(row)) });
    expect(answer.body.data).toEqual(data);
    expect(faultsOf(row, answer)).toEqual([]);
    const sent = toJson(row.rpc.input, arrived!.request, { alwaysEmitImplicit: true });
    expect(sent).toMatchObject({ ...named, ...query, ...body });
  });

  it('shows each field that a request may have', () => {
    const { query = {}, body = {} } = aboutOf(row);
    expect(Object.keys(query).sort()).toEqual([...row.query].sort());
    const given = row.body.filter((name) => !aboutOf(row).optional?.includes(name));
    expect(Object.keys(body)).toEqual(expect.arrayContaining(given));
  });

  it('is refused in the form that the document tells', async () => {
    const refused = await edge.ask(row.method, `${BASE}${row.path.replaceAll(':', '')}?no=1`, {
      token: await edge.token({ role: 'service' }),
    });
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(faultsOf(row, refused)).toEqual([]);
  });
});

it.each(['/health', '/health/detailed', '/gateway/status', '/gateway/services'])(
  '%s answers in the form that the document tells',
  async (path) => {
    expect(faultsOf({ method: 'GET', path }, await edge.ask('GET', BASE + path))).toEqual([]);
  },
);

it('finds an answer that is not of the form', () => {
  const headers = { 'content-type': 'application/json' };
  const answer = { status: 200, headers, body: { success: true, data: { items: 1 } } };
  const list = { method: 'GET', path: '/orders' } as const;
  expect(faultsOf(list, answer)).not.toEqual([]);
  expect(faultsOf(list, { ...answer, status: 418 })).not.toEqual([]);
});

describe('a message', () => {
  const order = rows.find(({ path }) => path === '/orders/:orderId')!.rpc.output;
  const placed = rows.find(({ rpc }) => rpc.localName === 'placeOrder')!.rpc;
  const schemaOf = (way: (schemas: MessageSchemas) => unknown, optional: string[] = []) => {
    const schemas = new MessageSchemas(new Set(optional));
    way(schemas);
    return schemas.schemas;
  };
  const answered = (message: DescMessage) => schemaOf((it) => it.answer(message));

  it('has in an answer always what cannot be told from its absence', () => {
    expect(answered(order)['Order']).toMatchObject({
      required: ['orderId', 'status', 'items', 'shopId', 'userId'],
      properties: {
        orderId: { type: 'string' },
        totalAmount: { $ref: '#/components/schemas/Money' },
        createdAt: { type: 'string', format: 'date-time' },
        items: { type: 'array', items: { $ref: '#/components/schemas/OrderItem' } },
      },
    });
  });

  it('takes in a request nothing that it does not know, at any depth', () => {
    const schemas = schemaOf((it) => it.body(placed.input, ['shopId', 'items', 'payment']));
    expect(schemas['PlaceOrderRequest']).toMatchObject({
      required: ['shopId', 'items', 'payment'],
      additionalProperties: false,
    });
    expect(schemas['ItemInput']).toMatchObject({ additionalProperties: false });
    expect(schemas['PlaceOrderRequest']).not.toHaveProperty('properties.deliveryAddress');
  });

  it('may lack in a request what is optional', () => {
    const optional = ['retail.common.v1.Item.quantity'];
    const schemas = schemaOf((it) => it.body(placed.input, ['items']), optional);
    expect(schemas['ItemInput']).toMatchObject({ required: ['productId'] });
  });
});
