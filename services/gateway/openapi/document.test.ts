import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type DescMessage, toJson } from '@bufbuild/protobuf';
import { Ajv2020 } from 'ajv/dist/2020';
import { fullFormats } from 'ajv-formats/dist/formats';
import type { CallRequest } from '#kit/transport/sidecar';
import { BASE, routes } from '../routes/table';
import { type Edge, openEdge } from '../testing/edge';
import {
  exampleCalls,
  exampleRequest,
  exampleResponse,
  nameOf,
  named,
  rpcRoutes,
  tokenFor,
} from '../testing/example-requests';
import { document, documentValidator, documentedPath } from '../testing/openapi-document';
import { exampleOf, statusOf } from './document';
import { examples } from './examples/examples';
import { MessageSchemas } from './messages';

const formats = { ...fullFormats, int32: true } as const;
const { requestErrors, responseErrors } = documentValidator(
  new Ajv2020({ strict: false, formats }),
);

let edge: Edge;
let received: CallRequest | undefined;

beforeAll(async () => {
  edge = await openEdge(
    exampleCalls((route, request) => {
      received = request;
      return exampleResponse(route);
    }),
  );
});
afterAll(() => edge.close());

it('documents every route, and no other', () => {
  const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const table = routes.map(({ method, path }) => `${method} ${documentedPath(path)}`);
  expect(documented.sort()).toEqual(table.sort());
  expect(Object.keys(examples).sort()).toEqual(routes.map(nameOf).sort());
});

it('gives each operation a name of its own', () => {
  const names = Object.values(document.paths)
    .flatMap((operations) => Object.values(operations))
    .map(({ operationId }) => operationId);
  expect(new Set(names).size).toBe(names.length);
});

describe.each(named(rpcRoutes))('the example of %s', (_, route) => {
  it('is a valid request with its complete response', async () => {
    const { params = {}, query = {}, body = {}, data } = exampleOf(route);
    const { service: __, ...fields } = params;
    const request = exampleRequest(route);
    const response = await edge.send(route.method, request.path, {
      token: await tokenFor(edge, route),
      body: request.body,
    });
    expect(response).toMatchObject({ status: statusOf(route, exampleOf(route)) });
    expect(response.body.data).toEqual(data);
    expect(responseErrors(route, response)).toEqual([]);
    if (route.body.length > 0) expect(requestErrors(route, request.body)).toEqual([]);
    const sent = toJson(route.rpc.input, received!.request, { alwaysEmitImplicit: true });
    expect(sent).toMatchObject({ ...fields, ...query, ...body });
  });

  it('has every parameter of the query and every field of the body', () => {
    const { query = {}, body = {} } = exampleOf(route);
    expect(Object.keys(query).sort()).toEqual([...route.query].sort());
    expect(Object.keys(body).sort()).toEqual([...route.body].sort());
  });

  it('is refused in the documented form if it is not valid', async () => {
    const path = `${BASE}${route.path.replaceAll(':', '')}?no=1`;
    const refused = await edge.send(route.method, path, {
      token: await edge.token({ role: 'service' }),
    });
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(responseErrors(route, refused)).toEqual([]);
  });
});

it.each(['/health', '/health/detailed', '/gateway/status', '/gateway/services'])(
  '%s responds in the documented form',
  async (path) => {
    const response = await edge.send('GET', BASE + path);
    expect(responseErrors({ method: 'GET', path }, response)).toEqual([]);
  },
);

it('a response of another form is an error', () => {
  const headers = { 'content-type': 'application/json' };
  const response = { status: 200, headers, body: { success: true, data: { items: 1 } } };
  const list = { method: 'GET', path: '/orders' } as const;
  expect(responseErrors(list, response)).not.toEqual([]);
  expect(responseErrors(list, { ...response, status: 418 })).not.toEqual([]);
});

describe('the schema of a message', () => {
  const order = rpcRoutes.find(({ path }) => path === '/orders/:orderId')!.rpc.output;
  const placed = rpcRoutes.find(({ rpc }) => rpc.localName === 'placeOrder')!.rpc;
  const schemasOf = (add: (schemas: MessageSchemas) => unknown, optional: string[] = []) => {
    const schemas = new MessageSchemas(new Set(optional));
    add(schemas);
    return schemas.schemas;
  };
  const responseOf = (message: DescMessage) => schemasOf((it) => it.response(message));

  it('requires in a response the fields whose absence protobuf cannot express', () => {
    expect(responseOf(order)['Order']).toMatchObject({
      required: ['orderId', 'status', 'items', 'shopId', 'userId', 'channel', 'returns'],
      properties: {
        orderId: { type: 'string' },
        totalAmount: { $ref: '#/components/schemas/Money' },
        createdAt: { type: 'string', format: 'date-time' },
        items: { type: 'array', items: { $ref: '#/components/schemas/OrderItem' } },
      },
    });
  });

  it('allows no unknown fields in a request, at any depth', () => {
    const schemas = schemasOf((it) => it.body(placed.input, ['shopId', 'items', 'payment']));
    expect(schemas['PlaceOrderRequest']).toMatchObject({
      required: ['shopId', 'items', 'payment'],
      additionalProperties: false,
    });
    expect(schemas['ItemInput']).toMatchObject({ additionalProperties: false });
    expect(schemas['PlaceOrderRequest']).not.toHaveProperty('properties.deliveryAddress');
  });

  it('does not require optional fields in a request', () => {
    const optional = ['retail.common.v1.Item.quantity'];
    const schemas = schemasOf((it) => it.body(placed.input, ['items']), optional);
    expect(schemas['ItemInput']).toMatchObject({ required: ['productId'] });
  });
});
