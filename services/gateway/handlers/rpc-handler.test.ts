import { afterEach, describe, expect, it } from '@jest/globals';
import { Code, MicroserviceError, refused } from '#kit/core/errors';
import type { CallContext } from '#kit/core/call-context';
import { createLog } from '#kit/core/log';
import { type RequestOptions, type Edge, openEdge } from '../testing/edge';

const ORDERS = '/api/v1/orders';

let edge: Edge;
let contexts: CallContext[];
afterEach(() => edge.close());

/** The edge before services that respond with this. */
async function open(respond: () => object, lines?: string[]) {
  contexts = [];
  const record = (_: unknown, { callContext }: { callContext: CallContext }) => {
    contexts.push(callContext);
    return respond();
  };
  const log = createLog('gateway', 'info', { write: (line) => lines?.push(line) });
  const order = {
    placeOrder: record,
    cancelOrder: record,
    getOrder: record,
    listOrders: record,
  };
  edge = await openEdge({ order, product: { createProduct: record } }, { log });
}

async function post(path: string, { headers = {}, ...options }: RequestOptions = {}) {
  const token = options.token ?? (await edge.token());
  return edge.send('POST', path, { body: {}, ...options, token, headers });
}

describe('placing an order', () => {
  it.each([
    ['confirmed', 201],
    ['pending', 202],
    ['cancelling', 202],
  ])('that ends up %s is %d', async (state, status) => {
    await open(() => ({ orderId: 'order_1', status: state }));
    const response = await post(ORDERS);
    expect(response).toMatchObject({
      status,
      body: { success: true, data: { orderId: 'order_1', status: state } },
    });
  });

  it('that is cancelled is 422 with its id and the reason', async () => {
    await open(() => ({ orderId: 'order_1', status: 'cancelled', reason: 'out_of_stock' }));
    const { status, body } = await post(ORDERS);
    expect(status).toBe(422);
    expect(body).toMatchObject({ success: false, statusCode: 422 });
    expect(body.details).toEqual({ orderId: 'order_1', reason: 'out_of_stock' });
  });

  it('in an unknown state is an internal error', async () => {
    await open(() => ({ status: 'lost' }));
    expect(await post(ORDERS)).toMatchObject({ status: 500, body: { error: 'internal error' } });
  });
});

it.each([
  ['cancelled', 200],
  ['cancelling', 202],
  ['confirmed', 202],
  ['pending', 202],
])('cancelling an order that ends up %s is %d', async (state, status) => {
  await open(() => ({ status: state }));
  expect((await post(`${ORDERS}/order_1/cancel`)).status).toBe(status);
});

describe('a refusal', () => {
  it('has the message and details of the service', async () => {
    await open(() => {
      throw refused('too_late', 'the order is on its way', { since: 'noon' });
    });
    const { status, body } = await post(`${ORDERS}/order_1/cancel`);
    expect(status).toBe(422);
    expect(body).toMatchObject({ error: 'the order is on its way', requestId: expect.anything() });
    expect(body.details).toEqual({ reason: 'too_late', since: 'noon' });
  });

  it.each([
    [new MicroserviceError('10.0.0.7', Code.UNAVAILABLE, { reason: 'unreachable' }), 502],
    [new MicroserviceError('10.0.0.7', Code.UNAVAILABLE), 503],
    [new MicroserviceError('10.0.0.7', Code.DEADLINE_EXCEEDED), 504],
    [new Error('10.0.0.7'), 500],
  ])('does not reveal the cause of %s', async (error, status) => {
    const lines: string[] = [];
    await open(() => {
      throw error;
    }, lines);
    const response = await edge.send('GET', `${ORDERS}/order_1`, { token: await edge.token() });
    expect(response.status).toBe(status);
    expect(response.headers['retry-after']).toBe(status === 503 ? '5' : undefined);
    expect(JSON.stringify(response.body)).not.toContain('10.0.0.7');
    expect(lines.join()).toContain('10.0.0.7');
  });
});

describe('an Idempotency-Key', () => {
  const place = async (key: string, claims = {}, path = ORDERS) => {
    const token = await edge.token(claims);
    await post(path, { token, headers: { 'idempotency-key': key } });
    return contexts.at(-1)!.id;
  };
  const confirmed = () => ({ status: 'confirmed', productId: 'product_1' });

  it('gives a repeated request the same id', async () => {
    await open(confirmed);
    expect(await place('key-1')).toBe(await place('key-1'));
  });

  it('belongs to one user, tenant, route and resource', async () => {
    await open(confirmed);
    const seller = { role: 'seller' };
    const ids = [
      await place('key-1'),
      await place('key-2'),
      await place('key-1', { sub: 'user_2' }),
      await place('key-1', { tenant: 'tenant_2' }),
      await place('key-1', seller, '/api/v1/products'),
      await place('key-1', {}, `${ORDERS}/order_1/cancel`),
      await place('key-1', {}, `${ORDERS}/order_2/cancel`),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is optional: without it, each request has an id of its own', async () => {
    await open(confirmed);
    await post(ORDERS);
    await post(ORDERS);
    expect(contexts[0]?.id).not.toBe(contexts[1]?.id);
  });

  it.each(['', 'with space', 'Ã¼', 'x'.repeat(129)])('that is %p is 400', async (key) => {
    await open(confirmed);
    const headers = { 'idempotency-key': key };
    const { status, body } = await post(ORDERS, { headers });
    expect(status).toBe(400);
    expect(body.details?.fields?.[0]?.field).toBe('idempotency-key');
    expect(contexts).toEqual([]);
  });

  it('may have up to 128 visible characters', async () => {
    await open(confirmed);
    await place(`~!"'`.padEnd(128, 'x'));
    expect(contexts).toHaveLength(1);
  });
});

describe('Prefer: respond-async', () => {
  it.each(['respond-async', 'wait=10, Respond-Async', 'respond-async; x=1'])(
    'is honoured as %p',
    async (prefer) => {
      await open(() => ({ status: 'pending' }));
      expect((await post(ORDERS, { headers: { prefer } })).status).toBe(202);
      expect(contexts[0]?.respondAsync).toBe(true);
    },
  );

  it('is ignored if the response cannot describe unfinished work', async () => {
    await open(() => ({}));
    const token = await edge.token({ role: 'seller' });
    await post('/api/v1/products', { token, headers: { prefer: 'respond-async' } });
    expect(contexts[0]?.respondAsync).toBe(false);
  });

  it.each(['return=minimal', 'respond-asynchronously'])(
    'is not recognised in %p',
    async (prefer) => {
      await open(() => ({ status: 'confirmed' }));
      await post(ORDERS, { headers: { prefer } });
      expect(contexts[0]?.respondAsync).toBe(false);
    },
  );
});
