import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020';
import { fullFormats } from 'ajv-formats/dist/formats';
import { Code, MicroserviceError } from '#kit/core/errors';
import type { EdgeConfig } from '../definition';
import { routes } from '../routes/table';
import type { Route } from '../routes/types';
import { type Edge, type RequestOptions, type TestResponse, openEdge } from '../testing/edge';
import { UNLIMITED } from '../testing/edge-config';
import {
  exampleCalls,
  exampleRequest,
  exampleResponse,
  nameOf,
  named,
  tokenFor,
} from '../testing/example-requests';
import { documentValidator } from '../testing/openapi-document';

// Compares every response that the gateway can send with the document: status, headers and body.

const formats = { ...fullFormats, int32: true } as const;
const { responseErrors, refusalErrors } = documentValidator(
  new Ajv2020({ strict: false, formats }),
);

const calling = routes.filter((route) => !('handle' in route));
const withBody = calling.filter(({ method }) => method === 'POST' || method === 'PATCH');

/** What every service throws at the moment. */
let failure: Error | undefined;

/** An edge whose services respond with the examples, or throw. */
async function edgeWith(config: Partial<EdgeConfig>): Promise<Edge> {
  const orThrow = <T>(response: T): T => {
    if (failure !== undefined) throw failure;
    return response;
  };
  const calls = exampleCalls(
    (route) => orThrow(exampleResponse(route)),
    () => orThrow({ ready: true, version: '1' }),
  );
  return openEdge(calls, { config });
}

/** As usual, beyond its rate limits, and overloaded. */
let edge: Edge;
let limited: Edge;
let overloaded: Edge;

beforeAll(async () => {
  const general = { usual: [{ name: 'minute', quota: 1, window: 60 }] };
  edge = await edgeWith({});
  limited = await edgeWith({ LIMITS_FILE: { ...UNLIMITED, general, status: general.usual } });
  // its only request in this minute
  await limited.send('GET', '/api/v1/gateway/services');
  overloaded = await edgeWith({ SHED_IN_FLIGHT: 0 });
});
afterAll(() => Promise.all([edge, limited, overloaded].map((each) => each.close())));

/** Lets every service throw until the work is done. */
async function failing<T>(error: Error, work: () => Promise<T>): Promise<T> {
  failure = error;
  try {
    return await work();
  } finally {
    failure = undefined;
  }
}

const PROBLEM = { accept: 'application/problem+json' };

/** Sends the example for each form of an error; the statuses, and what the document says against them. */
async function check(
  route: Route,
  options: RequestOptions = {},
  at = edge,
): Promise<[number[], unknown[]]> {
  const { path, body } = exampleRequest(route);
  const token = await tokenFor(at, route);
  const responses: TestResponse[] = [];
  for (const form of [{}, PROBLEM]) {
    const given = { token, ...('raw' in options ? {} : { body }), ...options };
    const headers = { ...form, ...options.headers };
    responses.push(await at.send(route.method, path, { ...given, headers }));
  }
  return [
    responses.map(({ status }) => status),
    responses.flatMap((response) => responseErrors(route, response)),
  ];
}

const CODES = Object.values(Code).filter((code): code is Code => typeof code === 'number');
/** A method that only reads does not respond with these. */
const OF_CHANGES: readonly Code[] = [Code.ALREADY_EXISTS, Code.ABORTED];

describe.each(named(calling))('%s documents', (_, route) => {
  it('the response to every error of its service', async () => {
    const codes = CODES.filter((code) => code !== Code.OK)
      .filter((code) => route.method !== 'GET' || !OF_CHANGES.includes(code))
      .map((code) => new MicroserviceError('no', code));
    const unreachable = new MicroserviceError('no', Code.UNAVAILABLE, { reason: 'unreachable' });
    for (const error of [...codes, unreachable]) {
      const [[status = 0], errors] = await failing(error, () => check(route));
      expect({ code: error.code, errors }).toEqual({ code: error.code, errors: [] });
      expect(status).toBeGreaterThanOrEqual(400);
    }
  });

  it('the responses beyond a rate limit and under overload', async () => {
    await limited.send('GET', '/api/v1/products', { token: await tokenFor(limited, route) });
    expect(await check(route, {}, limited)).toEqual([[429, 429], []]);
    expect(await check(route, {}, overloaded)).toEqual([[503, 503], []]);
  });
});

it.each(named(routes.filter((route) => 'handle' in route)))(
  '%s documents the response beyond its rate limit',
  async (_, route) => {
    for (const headers of [{}, PROBLEM]) {
      const response = await limited.send('GET', exampleRequest(route).path, { headers });
      expect([response.status, responseErrors(route, response)]).toEqual([429, []]);
    }
  },
);

it.each(named(withBody))('%s documents the responses to an unacceptable body', async (_, route) => {
  const type = { 'content-type': 'application/json' };
  expect(await check(route, { raw: '{', headers: type })).toEqual([[400, 400], []]);
  const large = { raw: Buffer.alloc(2 ** 20 + 1, '['), headers: type };
  expect(await check(route, large)).toEqual([[413, 413], []]);
  const text = { raw: 'a', headers: { 'content-type': 'text/plain' } };
  expect(await check(route, text)).toEqual([[415, 415], []]);
  expect(await check(route, { body: { no: 1 } })).toEqual([[422, 422], []]);
});

it.each(named(calling.filter(({ access }) => typeof access !== 'string')))(
  '%s documents the responses to callers without permission',
  async (_, route) => {
    expect(await check(route, { token: 'a.b.c' })).toEqual([[401, 401], []]);
    if (route.access.includes('customer')) return;
    const token = await edge.token({ role: 'customer' });
    expect(await check(route, { token })).toEqual([[403, 403], []]);
  },
);

it.each(named(calling.filter((route) => 'rpc' in route && route.idempotent)))(
  '%s documents the response to a malformed Idempotency-Key',
  async (_, route) => {
    const headers = { 'idempotency-key': 'a b' };
    expect(await check(route, { headers })).toEqual([[400, 400], []]);
  },
);

it.each(named(routes.filter((route) => route.method === 'GET' && !('streams' in route))))(
  '%s documents 304 for a client that has the current response',
  async (_, route) => {
    // matches any ETag, also of data that changes with time
    const headers = { 'if-none-match': '*' };
    expect(await check(route, { headers })).toEqual([[304, 304], []]);
  },
);

it.each(named(calling.filter((route) => 'rpc' in route && route.staleIfError)))(
  '%s documents a stale response',
  async (_, route) => {
    await check(route);
    await failing(new MicroserviceError('no', Code.UNAVAILABLE), async () => {
      expect(await check(route)).toEqual([[200, 200], []]);
      const { headers } = await edge.send('GET', exampleRequest(route).path);
      expect(headers).toMatchObject({ 'x-cache': 'stale', age: '0' });
      const known = { 'if-none-match': String(headers['etag']) };
      expect(await check(route, { headers: known })).toEqual([[304, 304], []]);
    });
  },
);

it.each(['/health', '/health/detailed'])(
  '%s documents the response of an unhealthy system',
  async (path) => {
    const route = { method: 'GET', path } as const;
    // after the last report has expired
    edge.clock.advance(1_000);
    await failing(new MicroserviceError('no', Code.UNAVAILABLE), async () => {
      for (const headers of [{}, PROBLEM]) {
        const response = await edge.send('GET', `/api/v1${path}`, { headers });
        expect([response.status, responseErrors(route, response)]).toEqual([503, []]);
      }
    });
  },
);

it('documents the responses to an unknown method and an unknown path', async () => {
  for (const headers of [{}, PROBLEM]) {
    const method = await edge.send('PUT', '/api/v1/orders', { headers });
    expect([method.status, refusalErrors('MethodNotAllowed', method)]).toEqual([405, []]);
    const health = await edge.send('PUT', '/api/v1/health', { headers });
    expect(responseErrors({ method: 'GET', path: '/health' }, health)).toEqual([]);
    const path = await edge.send('GET', '/api/v1/no', { headers });
    expect([path.status, refusalErrors('NotFound', path)]).toEqual([404, []]);
  }
});

it('a status, a header or a media type that is not documented is an error', async () => {
  const route = calling.find((each) => nameOf(each) === 'GET /products')!;
  const response = await edge.send('GET', '/api/v1/products');
  const { headers } = response;
  expect(responseErrors(route, response)).toEqual([]);
  expect(responseErrors(route, { ...response, status: 418 })).toHaveLength(1);
  const withHeader = { ...response, headers: { ...headers, 'x-new': '1' } };
  expect(responseErrors(route, withHeader)).toHaveLength(1);
  const html = { ...response, headers: { ...headers, 'content-type': 'text/html' } };
  expect(responseErrors(route, html)).toHaveLength(1);
});
