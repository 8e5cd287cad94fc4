import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { gunzipSync } from 'node:zlib';
import { unavailable } from '#kit/core/errors';
import { type Precondition, preconditionFailed, versionOf } from '#kit/core/precondition';
import type { CallRequest } from '#kit/transport/sidecar';
import { type Edge, openEdge } from '../testing/edge';

// What the edge makes of If-Match and the like. That the owners of the records check them is proved by
// test/authorization, and on a running system by test/e2e/conditional-changes.test.ts.

const PRODUCT = '/api/v1/products/p1';
const AT = '2026-01-01T10:00:00.300Z';
const VERSION = versionOf(AT);

let edge: Edge;
let calls: CallRequest[];
let product: { description: string; availability: string; at: string };
/** What the product service throws instead of changing the product. */
let refusal: Error | undefined;
/** What it throws instead of reading it. */
let failure: Error | undefined;

const message = () => ({
  productId: 'p1',
  description: product.description,
  availability: product.availability,
  updatedAt: timestampFromDate(new Date(product.at)),
});

beforeAll(async () => {
  const change = (_: unknown, call: CallRequest) => {
    calls.push(call);
    if (refusal !== undefined) throw refusal;
    return message();
  };
  edge = await openEdge({
    product: {
      getProduct: (_, call) => {
        calls.push(call);
        if (failure !== undefined) throw failure;
        return message();
      },
      listProducts: () => ({ items: [message()] }),
      updateProduct: change,
      createProduct: change,
    },
    order: { cancelOrder: change },
  });
});
afterAll(() => edge.close());
beforeEach(() => {
  calls = [];
  product = { description: 'Blue.', availability: 'in_stock', at: AT };
  refusal = undefined;
  failure = undefined;
});

const get = (headers: Record<string, string> = {}, path = PRODUCT) =>
  edge.send('GET', path, { headers });
const patch = async (headers: Record<string, string>) => {
  const token = await edge.token({ role: 'seller' });
  return edge.send('PATCH', PRODUCT, { token, headers, body: { name: 'B' } });
};
const tagOf = async (headers: Record<string, string> = {}) =>
  String((await get(headers)).headers['etag']);

describe('the ETag of a record', () => {
  it('is strong, and names its version', async () => {
    expect(await tagOf()).toMatch(new RegExp(`^"${VERSION}\\.[\\w-]{27}"$`));
  });

  it('changes with the version, and with what comes from other records', async () => {
    const tags = [await tagOf()];
    product.availability = 'out_of_stock';
    tags.push(await tagOf());
    product.at = '2026-01-01T10:00:00.301Z';
    tags.push(await tagOf());
    expect(new Set(tags).size).toBe(3);
  });

  it('is the same in the response to the change that made the version', async () => {
    const changed = await patch({});
    expect(changed.headers['etag']).toBe(await tagOf());
    expect(changed.headers['cache-control']).toBe('no-store');
  });

  it('is the same with HEAD', async () => {
    const head = await edge.send('HEAD', PRODUCT);
    expect(head.headers['etag']).toBe(await tagOf());
  });

  it('is weak for a list, which has no version', async () => {
    const { headers } = await get({}, '/api/v1/products');
    expect(headers['etag']).toMatch(/^W\/"[\w-]{27}"$/);
  });

  it.each([
    ['gzip', '.gzip'],
    ['br', '.br'],
    ['deflate', '.deflate'],
    ['identity', ''],
    ['x-unknown', ''],
    ['gzip;q=0', ''],
    ['gzip;q=0.1, br;q=0.9', '.br'],
    ['*;q=0', ''],
  ])('names the coding of a large response: accept-encoding %s', async (accepted, suffix) => {
    product.description = 'Blue. '.repeat(300);
    const plain = (await tagOf()).slice(1, -1);
    for (const method of ['GET', 'HEAD'] as const) {
      const { headers } = await edge.sendRaw(method, PRODUCT, {
        headers: { 'accept-encoding': accepted },
      });
      expect(headers['etag']).toBe(`"${plain}${suffix}"`);
      expect(headers['content-encoding'] ?? '').toBe(suffix.slice(1));
      expect(headers['vary']).toMatch(/accept-encoding/i);
    }
  });

  it('of a compressed response belongs to bytes that can be read', async () => {
    product.description = 'Blue. '.repeat(300);
    const response = await fetch(`http://127.0.0.1:${edge.port}${PRODUCT}`, {
      headers: { 'accept-encoding': 'gzip' },
    });
    expect(await response.json()).toMatchObject({ data: { description: product.description } });
    const raw = await edge.sendBytes(PRODUCT, { 'accept-encoding': 'gzip' });
    expect(Number(raw.headers['content-length'])).toBe(raw.bytes.length);
    expect(gunzipSync(raw.bytes).toString()).toContain(product.description);
  });
});

describe('a read with a condition', () => {
  it('is answered with 304 for each coding of the response that the client has', async () => {
    product.description = 'Blue. '.repeat(300);
    for (const coding of ['gzip', 'br', 'identity']) {
      const accepting = { 'accept-encoding': coding };
      const tag = await tagOf(accepting);
      const again = await get({ ...accepting, 'if-none-match': `"x", W/${tag}` });
      expect(again).toMatchObject({ status: 304, headers: { etag: tag } });
    }
  });

  it.each([
    ['if-match', '*', 200],
    ['if-match', '"other"', 412],
    ['if-none-match', '*', 304],
    ['if-none-match', '"other"', 200],
    ['if-unmodified-since', 'Thu, 01 Jan 2026 10:00:00 GMT', 200],
    ['if-unmodified-since', 'Thu, 01 Jan 2026 09:59:59 GMT', 412],
    ['if-modified-since', 'Fri, 01 Jan 2027 10:00:00 GMT', 200],
    ['if-modified-since', 'nonsense', 200],
  ])('%s: %s is answered with %i', async (name, value, status) => {
    const response = await get({ [name]: value });
    expect(response.status).toBe(status);
    if (status === 412) expect(response.headers['etag']).toBe(await tagOf());
  });

  it('follows the precedence of RFC 9110', async () => {
    const tag = await tagOf();
    const past = { 'if-unmodified-since': 'Thu, 01 Jan 2026 09:00:00 GMT' };
    expect((await get({ 'if-match': tag, ...past })).status).toBe(200);
    expect((await get({ 'if-match': '"x"', 'if-none-match': tag })).status).toBe(412);
    expect((await get({ ...past, 'if-none-match': tag })).status).toBe(412);
    expect((await get({ 'if-match': tag, 'if-none-match': tag })).status).toBe(304);
  });

  it('compares strongly in If-Match, so that the tag of a list never matches', async () => {
    const { headers } = await get({}, '/api/v1/products');
    const listed = await get({ 'if-match': String(headers['etag']) }, '/api/v1/products');
    expect(listed.status).toBe(412);
    expect((await get({ 'if-match': `W/${await tagOf()}` })).status).toBe(412);
  });
});

describe('a change with a condition', () => {
  const strong = `"${VERSION}.${'a'.repeat(27)}"`;
  const packed = `"${VERSION}.${'a'.repeat(27)}.gzip"`;
  const time = Date.parse('2026-01-01T10:00:00Z') / 1000;

  it.each<[string, Record<string, string>, Precondition]>([
    ['a tag', { 'if-match': strong }, { match: [VERSION] }],
    ['the tag of a compressed response', { 'if-match': packed }, { match: [VERSION] }],
    ['several tags', { 'if-match': `"x" , ${strong},,${packed}` }, { match: [VERSION] }],
    ['a weak tag, which matches nothing', { 'if-match': `W/${strong}` }, { match: [] }],
    ['a tag of another server', { 'if-match': '"abc"' }, { match: [] }],
    ['an empty tag', { 'if-match': '""' }, { match: [] }],
    ['any version', { 'if-match': '*' }, { match: '*' }],
    ['none', { 'if-none-match': '*' }, { noneMatch: '*' }],
    ['no such version', { 'if-none-match': `W/${strong}` }, { noneMatch: [VERSION] }],
    [
      'a time',
      { 'if-unmodified-since': 'Thu, 01 Jan 2026 10:00:00 GMT' },
      { unmodifiedSince: time },
    ],
    [
      'a time in the second form',
      { 'if-unmodified-since': 'Thursday, 01-Jan-26 10:00:00 GMT' },
      { unmodifiedSince: time },
    ],
    [
      'a time in the third form',
      { 'if-unmodified-since': 'Thu Jan  1 10:00:00 2026' },
      { unmodifiedSince: time },
    ],
    [
      'all of them',
      {
        'if-match': strong,
        'if-none-match': '"x"',
        'if-unmodified-since': 'Thu, 01 Jan 2026 10:00:00 GMT',
      },
      { match: [VERSION], noneMatch: [], unmodifiedSince: time },
    ],
  ])('hands %s to the owner of the record', async (_, headers, precondition) => {
    expect((await patch(headers)).status).toBe(200);
    expect(calls.map(({ callContext }) => callContext.precondition)).toEqual([precondition]);
  });

  it('hands over nothing if there is no condition', async () => {
    await patch({ 'if-modified-since': 'Thu, 01 Jan 2026 10:00:00 GMT' });
    expect(calls[0]?.callContext).not.toHaveProperty('precondition');
  });

  it.each([
    ['if-match', ''],
    ['if-match', ','],
    ['if-match', 'abc'],
    ['if-match', '"abc'],
    ['if-match', 'abc"'],
    ['if-match', '"a" "b"'],
    ['if-match', '"a";"b"'],
    ['if-match', "'a'"],
    ['if-match', 'w/"a"'],
    ['if-match', 'W/ "a"'],
    ['if-match', 'W/'],
    ['if-match', '*, "a"'],
    ['if-match', '"a", *'],
    ['if-match', '**'],
    ['if-match', '"a b"'],
    ['if-match', Array.from({ length: 51 }, () => '"a"').join()],
    ['if-none-match', 'abc'],
    ['if-none-match', ''],
    ['if-none-match', '*,*'],
    ['if-unmodified-since', ''],
    ['if-unmodified-since', '2026-01-01T10:00:00Z'],
    ['if-unmodified-since', '1767261600'],
    ['if-unmodified-since', 'Thu, 01 Jan 2026 10:00:00'],
    ['if-unmodified-since', 'Thu, 01 Jan 2026 10:00:00 UTC'],
    ['if-unmodified-since', 'Thu, 01 Jan 2026 10:00:00 +0000'],
    ['if-unmodified-since', 'Thu, 1 Jan 2026 10:00:00 GMT'],
    ['if-unmodified-since', 'thu, 01 jan 2026 10:00:00 gmt'],
    ['if-unmodified-since', 'Tue, 31 Feb 2026 10:00:00 GMT'],
    ['if-unmodified-since', 'Thu, 01 Jan 2026 24:00:00 GMT'],
    ['if-unmodified-since', 'Thu, 01 Jan 2026 10:61:00 GMT'],
    ['if-unmodified-since', 'Thu, 00 Jan 2026 10:00:00 GMT'],
  ])('is refused with 400 if it is malformed: %s: %s', async (name, value) => {
    const { status, body } = await patch({ [name]: value });
    expect(status).toBe(400);
    expect(body.error).toMatch(new RegExp(`^${name} must `));
    expect(body.details?.fields).toEqual([
      { field: name, message: expect.stringMatching(/^must /) },
    ]);
    expect(calls).toEqual([]);
  });

  it('that is false is answered with 412 and the present ETag', async () => {
    const tag = await tagOf();
    refusal = preconditionFailed('if-match');
    const { status, headers, body } = await patch({ 'if-match': strong });
    expect(status).toBe(412);
    expect(headers['etag']).toBe(tag);
    expect(headers['cache-control']).toBe('no-store');
    expect(body).toMatchObject({
      error: 'the resource is not in a version that if-match names',
      details: { reason: 'precondition_failed', header: 'if-match' },
    });
  });

  it('that is false is a problem for a client that prefers that', async () => {
    refusal = preconditionFailed('if-unmodified-since');
    const accept = 'application/problem+json';
    const { status, body } = await patch({
      accept,
      'if-unmodified-since': 'Thu, 01 Jan 2026 10:00:00 GMT',
    });
    expect(status).toBe(412);
    expect(body).toMatchObject({ status: 412, title: expect.stringContaining('has changed') });
  });

  it('that is false is answered with 412 also if the present ETag cannot be read', async () => {
    refusal = preconditionFailed('if-match');
    failure = unavailable('the service is down');
    const { status, headers } = await patch({ 'if-match': strong });
    expect(status).toBe(412);
    expect(headers['etag']).toBeUndefined();
  });

  it('reads the present ETag without the key of the request, whose response is kept', async () => {
    refusal = preconditionFailed('if-match');
    await patch({ 'if-match': strong, 'idempotency-key': 'k1' });
    expect(
      calls.map(({ method, callContext }) => [method.name, callContext.hasIdempotencyKey]),
    ).toEqual([
      ['UpdateProduct', true],
      ['GetProduct', false],
    ]);
  });

  it('that names a version is false where nothing with a version is changed', async () => {
    const token = await edge.token({ role: 'seller' });
    for (const path of ['/api/v1/products', '/api/v1/orders/o1/cancel']) {
      for (const value of ['*', strong]) {
        const headers = { 'if-match': value };
        const response = await edge.send('POST', path, { token, headers, body: {} });
        expect(response.status).toBe(412);
        expect(response.headers['etag']).toBeUndefined();
      }
    }
    expect(calls).toEqual([]);
  });

  it('that something does not exist is true where it is created', async () => {
    const token = await edge.token({ role: 'seller' });
    const headers = {
      'if-none-match': '*',
      'if-unmodified-since': 'Thu, 01 Jan 1970 10:00:00 GMT',
    };
    const response = await edge.send('POST', '/api/v1/products', { token, headers, body: {} });
    expect(response.status).toBe(201);
  });

  it('is not evaluated for a client that may not make the change', async () => {
    const headers = { 'if-match': '"x"' };
    const anonymous = await edge.send('PATCH', PRODUCT, { headers, body: {} });
    expect(anonymous.status).toBe(401);
    const token = await edge.token({ role: 'customer' });
    expect((await edge.send('PATCH', PRODUCT, { token, headers, body: {} })).status).toBe(403);
    const seller = await edge.token({ role: 'seller' });
    const unknown = { token: seller, headers, body: { what: 1 } };
    expect((await edge.send('PATCH', PRODUCT, unknown)).status).toBe(422);
  });
});
