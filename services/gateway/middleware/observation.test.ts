import { afterEach, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { createLog } from '#kit/core/log';
import type { CallContext } from '#kit/core/call-context';
import { type Edge, openEdge } from '../testing/edge';

const PRODUCT = '/api/v1/products/product_1';

let edge: Edge;
let callContext: CallContext | undefined;
let lines: Record<string, unknown>[];
afterEach(() => edge.close());

async function open() {
  lines = [];
  const write = (line: string) => {
    const read = JSON.parse(line) as Record<string, unknown>;
    // without a file of its own, the audit log writes here too
    if (read['audit'] !== true) lines.push(read);
  };
  const getProduct = (_: unknown, call: { callContext: CallContext }) => {
    callContext = call.callContext;
    return {};
  };
  edge = await openEdge(
    { product: { getProduct } },
    { log: createLog('gateway', 'info', { write }) },
  );
}

async function get(headers: Record<string, string> = {}, path = PRODUCT) {
  const response = await edge.send('GET', path, { headers });
  const { 'x-request-id': requestId, 'x-correlation-id': correlationId } = response.headers;
  return { ...response, requestId, correlationId };
}

describe('the ids of a request', () => {
  it('are those of the client if they are well formed, in the response and in every call', async () => {
    await open();
    const given = { 'x-request-id': 'my_request-1', 'x-correlation-id': 'x'.repeat(64) };
    const { requestId, correlationId, body } = await get(given);
    expect({ requestId, correlationId }).toEqual({
      requestId: 'my_request-1',
      correlationId: 'x'.repeat(64),
    });
    expect(body.requestId).toBe('my_request-1');
    expect(callContext).toMatchObject({ requestId, correlationId });
  });

  it('are generated if there are none', async () => {
    await open();
    const { requestId, correlationId, body } = await get();
    expect(requestId).toMatch(/^req_[\w-]{36}$/);
    expect(correlationId).toBe(requestId);
    expect(body.requestId).toBe(requestId);
  });

  it('are completed if the client sends one of them', async () => {
    await open();
    const first = await get({ 'x-request-id': 'mine' });
    expect(first.correlationId).toBe('mine');
    const second = await get({ 'x-correlation-id': 'mine' });
    expect(second.correlationId).toBe('mine');
    expect(second.requestId).toMatch(/^req_/);
  });

  it.each(['', 'a b', '{"level":"fatal"}', '../x', 'ü', 'x'.repeat(65), 'a, b'])(
    'replace %p',
    async (id) => {
      await open();
      const { requestId, correlationId } = await get({
        'x-request-id': id,
        'x-correlation-id': id,
      });
      expect(requestId).toMatch(/^req_/);
      expect(correlationId).toBe(requestId);
    },
  );

  it('are in the response to a refused request too', async () => {
    await open();
    const { requestId, status, body } = await get({ 'x-request-id': 'mine' }, '/nowhere');
    expect({ requestId, status, inBody: body.requestId }).toEqual({
      requestId: 'mine',
      status: 404,
      inBody: 'mine',
    });
  });
});

describe('a trace', () => {
  const trace = '0af7651916cd43dd8448eb211c80319c';

  it('is continued', async () => {
    await open();
    await get({ traceparent: `00-${trace}-b7ad6b7169203331-00` });
    expect(callContext?.traceparent).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-00$`));
    expect(callContext?.traceparent).not.toContain('b7ad6b7169203331');
  });

  it.each(['nonsense', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`])(
    'is started again instead of %p',
    async (traceparent) => {
      await open();
      await get({ traceparent });
      expect(callContext?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      expect(callContext?.traceparent).not.toContain('0'.repeat(32));
    },
  );
});

describe('the log and metrics of a request', () => {
  it('are one line without the path or the query', async () => {
    await open();
    const { requestId, correlationId } = await get({}, `${PRODUCT}?secret=canary`);
    await get({}, '/api/v1/nowhere/canary');
    const completed = lines.filter(({ message }) => message === 'request completed');
    expect(completed).toMatchObject([
      {
        service: 'gateway',
        method: 'GET',
        endpoint: '/api/v1/products/:productId',
        status: 422,
        duration: expect.any(Number),
        requestId,
        correlationId,
      },
      { endpoint: 'unknown', status: 404 },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/canary|product_1/);
  });

  it('are counted by the pattern of its route', async () => {
    await open();
    await get();
    await get({}, '/api/v1/products/product_2');
    await get({}, '/nowhere');
    const figures = await edge.bed.runtime.metrics.registry.metrics();
    const route = 'endpoint="/api/v1/products/:productId"';
    expect(figures).toContain(`http_requests_total{method="GET",${route},status="200"} 2`);
    expect(figures).toContain(
      'http_requests_total{method="GET",endpoint="unknown",status="404"} 1',
    );
    expect(figures).toContain(`http_request_duration_seconds_count{method="GET",${route}} 2`);
  });

  it('are one line with status 499 if the client disconnected', async () => {
    const arrived = Promise.withResolvers<unknown>();
    const response = Promise.withResolvers<object>();
    const logged = Promise.withResolvers<Record<string, unknown>>();
    const write = (line: string) => {
      logged.resolve(JSON.parse(line) as Record<string, unknown>);
    };
    const getProduct = () => {
      arrived.resolve(undefined);
      return response.promise;
    };
    const log = createLog('gateway', 'info', { write });
    edge = await openEdge({ product: { getProduct } }, { log });
    const socket = connect(edge.port, '127.0.0.1');
    socket.write(`GET ${PRODUCT} HTTP/1.1\r\nhost: edge\r\n\r\n`);
    await arrived.promise;
    socket.destroy();
    expect(await logged.promise).toMatchObject({ message: 'request completed', status: 499 });
    response.resolve({});
  });
});
