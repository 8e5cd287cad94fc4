import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fromJson } from '@bufbuild/protobuf';
import { Ajv2020 } from 'ajv/dist/2020';
import { fullFormats } from 'ajv-formats/dist/formats';
import { Code, MicroserviceError } from '#kit/core/errors';
import type { Route } from '../routes/types';
import { routes } from '../routes/table';
import {
  type Answered,
  type Asked,
  type CONFIG,
  type Edge,
  PLENTY,
  openEdge,
} from '../testing/edge';
import { aboutOf } from './document';
import { exampleOf, judge, tokenFor } from '../testing/openapi-document';

// Every answer that the edge can give, against its document: statuses, heads and forms.

const formats = { ...fullFormats, int32: true } as const;
const { faultsOf, faultsOfRefusal } = judge(new Ajv2020({ strict: false, formats }));

const called = routes.filter((route) => !('own' in route));
const nameOf = ({ method, path }: Route) => `${method} ${path}`;
const named = (some: readonly Route[]) => some.map((row) => [nameOf(row), row] as const);
const reading = called.filter(({ method }) => method === 'POST' || method === 'PATCH');

/** What every service throws now. */
let failure: Error | undefined;

/** An edge whose services answer each call by the example of its route, or throw. */
async function edgeWith(config: Partial<typeof CONFIG>): Promise<Edge> {
  const calls: Record<string, Record<string, unknown>> = {};
  for (const row of called) {
    if ('own' in row) continue;
    const app = row.app === ':service' ? 'order' : row.app;
    const answering = (answers: unknown) => () => {
      if (failure !== undefined) throw failure;
      return answers;
    };
    const ofApp = (calls[app] ??= { getStatus: answering({ ready: true, version: '1' }) });
    // an example is JSON
    const data = aboutOf(row).data as never;
    if ('rpc' in row) ofApp[row.rpc.localName] = answering(fromJson(row.rpc.output, data));
    else {
      const { streams, tells } = row;
      const answer = answering(fromJson(streams.output, { [tells]: data }));
      ofApp[streams.localName] = async function* () {
        yield answer();
      };
    }
  }
  // made from the descriptors of the table, which the type is derived from as well
  return openEdge(calls, { config });
}

/** One as usual, one at which everybody has asked too often, and one that has too much to do. */
let edge: Edge;
let limited: Edge;
let busy: Edge;

beforeAll(async () => {
  const general = { usual: [{ name: 'minute', quota: 1, window: 60 }] };
  edge = await edgeWith({});
  limited = await edgeWith({ LIMITS_FILE: { ...PLENTY, general } });
  busy = await edgeWith({ SHED_IN_FLIGHT: 0 });
});
afterAll(() => Promise.all([edge, limited, busy].map((each) => each.close())));

/** What a service throws, as long as the work lasts. */
async function failing<T>(error: Error, work: () => Promise<T>): Promise<T> {
  failure = error;
  try {
    return await work();
  } finally {
    failure = undefined;
  }
}

const OTHER = { accept: 'application/problem+json' };

/** Asks as the example does, in both forms that a refusal may have; what the document says against it. */
async function faultsOn(row: Route, asked: Asked = {}, at = edge): Promise<[number[], unknown[]]> {
  const { path, body } = exampleOf(row);
  const token = await tokenFor(at, row);
  const answers: Answered[] = [];
  for (const form of [{}, OTHER]) {
    const given = { token, ...('raw' in asked ? {} : { body }), ...asked };
    const headers = { ...form, ...asked.headers };
    answers.push(await at.ask(row.method, path, { ...given, headers }));
  }
  return [answers.map(({ status }) => status), answers.flatMap((answer) => faultsOf(row, answer))];
}

const CODES = Object.values(Code).filter((code): code is Code => typeof code === 'number');
/** A service that reads finds nothing that is there already, or was changed meanwhile. */
const OF_CHANGES: readonly Code[] = [Code.ALREADY_EXISTS, Code.ABORTED];

describe.each(named(called))('%s', (_, row) => {
  it('tells of whatever its service can answer', async () => {
    const codes = CODES.filter((code) => code !== Code.OK)
      .filter((code) => row.method !== 'GET' || !OF_CHANGES.includes(code))
      .map((code) => new MicroserviceError('no', code));
    const unreachable = new MicroserviceError('no', Code.UNAVAILABLE, { reason: 'unreachable' });
    for (const error of [...codes, unreachable]) {
      const [[status = 0], faults] = await failing(error, () => faultsOn(row));
      expect({ code: error.code, faults }).toEqual({ code: error.code, faults: [] });
      expect(status).toBeGreaterThanOrEqual(400);
    }
  });

  it('tells of too many requests, and of more than can be done', async () => {
    await limited.ask('GET', '/api/v1/products', { token: await tokenFor(limited, row) });
    expect(await faultsOn(row, {}, limited)).toEqual([[429, 429], []]);
    expect(await faultsOn(row, {}, busy)).toEqual([[503, 503], []]);
  });
});

it.each(named(reading))('%s tells of a body that is not read', async (_, row) => {
  const type = { 'content-type': 'application/json' };
  expect(await faultsOn(row, { raw: '{', headers: type })).toEqual([[400, 400], []]);
  const large = { raw: Buffer.alloc(2 ** 20 + 1, '['), headers: type };
  expect(await faultsOn(row, large)).toEqual([[413, 413], []]);
  const text = { raw: 'a', headers: { 'content-type': 'text/plain' } };
  expect(await faultsOn(row, text)).toEqual([[415, 415], []]);
  expect(await faultsOn(row, { body: { no: 1 } })).toEqual([[422, 422], []]);
});

it.each(named(called.filter(({ who }) => typeof who !== 'string')))(
  '%s tells of whom it is not for',
  async (_, row) => {
    expect(await faultsOn(row, { token: 'a.b.c' })).toEqual([[401, 401], []]);
    if (row.who.includes('customer')) return;
    const token = await edge.token({ role: 'customer' });
    expect(await faultsOn(row, { token })).toEqual([[403, 403], []]);
  },
);

it.each(named(called.filter((row) => 'rpc' in row && row.idempotent)))(
  '%s tells of an Idempotency-Key of another form',
  async (_, row) => {
    const headers = { 'idempotency-key': 'a b' };
    expect(await faultsOn(row, { headers })).toEqual([[400, 400], []]);
  },
);

it.each(named(routes.filter((row) => row.method === 'GET' && !('streams' in row))))(
  '%s tells that what is known still holds',
  async (_, row) => {
    // holds whatever is answered, such as how long the gateway has been up
    const headers = { 'if-none-match': '*' };
    expect(await faultsOn(row, { headers })).toEqual([[304, 304], []]);
  },
);

it.each(named(called.filter((row) => 'rpc' in row && row.lastGood)))(
  '%s tells of an answer that is one of before',
  async (_, row) => {
    await faultsOn(row);
    await failing(new MicroserviceError('no', Code.UNAVAILABLE), async () => {
      expect(await faultsOn(row)).toEqual([[200, 200], []]);
      const { headers } = await edge.ask('GET', exampleOf(row).path);
      expect(headers).toMatchObject({ 'x-cache': 'stale', age: '0' });
      const known = { 'if-none-match': String(headers['etag']) };
      expect(await faultsOn(row, { headers: known })).toEqual([[304, 304], []]);
    });
  },
);

it.each(['/health', '/health/detailed'])('%s tells that the system is not well', async (path) => {
  const row = { method: 'GET', path } as const;
  // its last report is as fresh as may be
  edge.clock.advance(1_000);
  await failing(new MicroserviceError('no', Code.UNAVAILABLE), async () => {
    for (const headers of [{}, OTHER]) {
      const answer = await edge.ask('GET', `/api/v1${path}`, { headers });
      expect([answer.status, faultsOf(row, answer)]).toEqual([503, []]);
    }
  });
});

it('tells of a method, and of a path, that is not there', async () => {
  for (const headers of [{}, OTHER]) {
    const method = await edge.ask('PUT', '/api/v1/orders', { headers });
    expect([method.status, faultsOfRefusal('MethodNotAllowed', method)]).toEqual([405, []]);
    const path = await edge.ask('GET', '/api/v1/no', { headers });
    expect([path.status, faultsOfRefusal('NotFound', path)]).toEqual([404, []]);
  }
});

it('finds a status, a header and a form that are not documented', async () => {
  const row = called.find((each) => nameOf(each) === 'GET /products')!;
  const answer = await edge.ask('GET', '/api/v1/products');
  expect(faultsOf(row, answer)).toEqual([]);
  expect(faultsOf(row, { ...answer, status: 418 })).toHaveLength(1);
  expect(faultsOf(row, { ...answer, headers: { ...answer.headers, 'x-new': '1' } })).toHaveLength(
    1,
  );
  const headers = { ...answer.headers, 'content-type': 'text/html' };
  expect(faultsOf(row, { ...answer, headers })).toHaveLength(1);
});
