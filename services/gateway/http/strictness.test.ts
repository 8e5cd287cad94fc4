import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sendRaw, statusesIn } from '#kit/testing/raw-http';
import { type Edge, openEdge } from '../testing/edge';

// Requests that two readers could understand differently. Each is refused, or has one meaning.

let edge: Edge;
let asked: { category: string }[];
let signIns: string[];

beforeAll(async () => {
  edge = await openEdge({
    user: {
      login: ({ password }) => {
        signIns.push(password);
        return { token: 'a.b.c' };
      },
    },
    product: {
      listProducts: ({ category }) => {
        asked.push({ category });
        return {};
      },
      getProduct: ({ productId }) => ({ productId }),
    },
  });
});
afterAll(() => edge.close());
beforeEach(() => {
  asked = [];
  signIns = [];
});

const HEALTH = '/api/v1/gateway/services';
const get = (target: string, headers = 'host: x\r\n', version = ' HTTP/1.1') =>
  sendRaw(edge.port, `GET ${target}${version}\r\n${headers}connection: close\r\n\r\n`);
const statusOf = (received: string) => statusesIn(received)[0];
const errorOf = (received: string) => /"error":"([^"]*)"/.exec(received)?.[1];

/** A sign-in with these bytes as the body. */
function signIn(body: string, type = 'application/json', more = '') {
  const headers = `host: x\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n${more}`;
  return sendRaw(
    edge.port,
    `POST /api/v1/auth/login HTTP/1.1\r\n${headers}connection: close\r\n\r\n${body}`,
  );
}

describe('the request line', () => {
  it.each([
    ['without a version', '', 400],
    ['of HTTP/0.9', ' HTTP/0.9', 400],
    ['of HTTP/2.0', ' HTTP/2.0', 505],
    ['of HTTP/1.2', ' HTTP/1.2', 400],
    ['of HTTP/9.9', ' HTTP/9.9', 400],
    ['of HTTP/1.10', ' HTTP/1.10', 400],
    ['of another protocol', ' ICE/1.0', 400],
  ])('%s is refused', async (_, version, status) => {
    const received = await get(HEALTH, 'host: x\r\n', version);
    expect(statusOf(received)).toBe(status);
    expect(received).toMatch(/connection: close/i);
  });

  it.each([HEALTH, '/health', '/metrics', '/'])(
    'without a version or with two hosts is refused on %s too',
    async (path) => {
      expect(statusOf(await get(path, 'host: x\r\n', ''))).toBe(400);
      expect(statusOf(await get(path, 'host: x\r\nhost: x\r\n'))).toBe(400);
      expect(statusOf(await get(path, ''))).toBe(400);
    },
  );

  it('of HTTP/1.0 is accepted with a host, as old proxies send it', async () => {
    expect(statusOf(await get(HEALTH, 'host: x\r\n', ' HTTP/1.0'))).toBe(200);
    expect(statusOf(await get(HEALTH, '', ' HTTP/1.0'))).toBe(400);
  });

  it.each([
    ['http://shop.example/api/v1/gateway/services', 'shop.example', 200],
    ['HTTP://SHOP.example/api/v1/gateway/services', 'shop.EXAMPLE', 200],
    ['https://shop.example:8443/api/v1/gateway/services?a', 'shop.example:8443', 200],
    ['http://shop.example/health', 'shop.example', 200],
    ['http://shop.example', 'shop.example', 404],
    ['http://evil.example/api/v1/health', 'shop.example', 400],
    ['http://shop.example@evil.example/api/v1/health', 'shop.example', 400],
    ['http:///api/v1/health', 'shop.example', 400],
    ['ftp://shop.example/api/v1/health', 'shop.example', 400],
    ['*', 'shop.example', 404],
    ['api/v1/health', 'shop.example', 400],
  ])('with the target %s and the host %s is answered with %i', async (target, host, status) => {
    expect(statusOf(await get(target, `host: ${host}\r\n`))).toBe(status);
  });
});

describe('the header', () => {
  it.each([
    ['host, twice', 'host: x\r\nhost: y\r\n'],
    ['host, twice the same', 'host: x\r\nHost: x\r\n'],
    ['host, absent', ''],
    ['host, empty', 'host:\r\n'],
    ['host with a path', 'host: x/y\r\n'],
    ['host with a user', 'host: a@x\r\n'],
    ['host with two names', 'host: x, y\r\n'],
    ['host with a space', 'host: x y\r\n'],
    ['host with a port that is not a number', 'host: x:y\r\n'],
    ['authorization, twice', 'host: x\r\nauthorization: Bearer a.b.c\r\nauthorization: x\r\n'],
    ['x-api-key, twice', 'host: x\r\nx-api-key: a\r\nx-api-key: b\r\n'],
    ['idempotency-key, twice', 'host: x\r\nidempotency-key: a\r\nidempotency-key: a\r\n'],
    ['content-type, twice', 'host: x\r\ncontent-type: a/b\r\ncontent-type: application/json\r\n'],
    ['that continues in the next line', 'host: x\r\nx: a\r\n b\r\n'],
    ['that continues after a tab', 'host: x\r\nx: a\r\n\tb\r\n'],
    ['whose value is not UTF-8', 'host: x\r\nx: a\xff\r\n'],
    ['whose value is UTF-8 that was cut', 'host: x\r\nx: a\xc3\r\n'],
    ['whose value is an overlong form', 'host: x\r\nx: \xc0\xaf\r\n'],
    ['with a NUL', 'host: x\r\nx: a\0b\r\n'],
    ['with a control character', 'host: x\r\nx: a\x01b\r\n'],
    ['with a space in its name', 'host: x\r\nx y: a\r\n'],
    ['without a name', 'host: x\r\n: a\r\n'],
  ])('%s is refused with 400', async (_, headers) => {
    expect(statusOf(await get(HEALTH, headers))).toBe(400);
  });

  it.each(['x', 'shop.example:8443', '127.0.0.1:4000', '[::1]:4000', 'my_service', 'xn--80ak.com'])(
    'host with the value %s is accepted',
    async (host) => {
      expect(statusOf(await get(HEALTH, `host: ${host}\r\n`))).toBe(200);
    },
  );

  it('may be UTF-8, and others may be sent twice', async () => {
    const headers = 'host: x\r\nx-name: J\xc3\xbcrgen\r\naccept: a/b\r\naccept: */*\r\n';
    expect(statusOf(await get(HEALTH, headers))).toBe(200);
  });

  it('is one of a hundred at most', async () => {
    const lines = (count: number) =>
      Array.from({ length: count }, (_, n) => `x-${n}: a\r\n`).join('');
    // with host and connection
    expect(statusOf(await get(HEALTH, `host: x\r\n${lines(98)}`))).toBe(200);
    const received = await get(HEALTH, `host: x\r\n${lines(99)}`);
    expect([statusOf(received), errorOf(received)]).toEqual([
      431,
      'the request has more than 100 header lines',
    ]);
    expect(statusOf(await get(HEALTH, `host: x\r\n${lines(3_000)}`))).toBe(431);
  });
});

describe('the length of a body', () => {
  const post = (headers: string, body = '', version = '1.1') =>
    sendRaw(
      edge.port,
      `POST /api/v1/auth/login HTTP/${version}\r\nhost: x\r\ncontent-type: application/json\r\n${headers}\r\n${body}`,
    );

  it.each([
    ['by both headers', 'content-length: 4\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\n', 400],
    ['by both, reversed', 'transfer-encoding: chunked\r\ncontent-length: 4\r\n', '0\r\n\r\n', 400],
    ['twice', 'content-length: 2\r\ncontent-length: 2\r\n', '{}', 400],
    ['as a list', 'content-length: 2, 2\r\n', '{}', 400],
    ['by another coding', 'transfer-encoding: gzip, chunked\r\n', '0\r\n\r\n', 501],
    [
      'by two codings',
      'transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n',
      '0\r\n\r\n',
      400,
    ],
    ['by chunked, chunked', 'transfer-encoding: chunked, chunked\r\n', '0\r\n\r\n', 400],
  ])('that is given %s is refused', async (_, headers, body, status) => {
    expect(statusesIn(await post(headers, body))).toEqual([status]);
  });

  it('is not given by a coding in HTTP/1.0', async () => {
    const received = await post('transfer-encoding: chunked\r\n', '0\r\n\r\n', '1.0');
    expect(statusesIn(received)).toEqual([400]);
  });

  it.each([
    ['without a type', ''],
    ['of another type', 'content-type: text/plain\r\n'],
    ['of JSON', 'content-type: application/json\r\n'],
  ])('that is chunked and has no byte is that of no body, %s', async (_, type) => {
    const received = await sendRaw(
      edge.port,
      `POST /api/v1/auth/logout HTTP/1.1\r\nhost: x\r\n${type}transfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n`,
    );
    const without = await edge.send('POST', '/api/v1/auth/logout');
    expect(statusOf(received)).toBe(without.status);
    expect(statusOf(received)).not.toBe(415);
  });
});

describe('a body', () => {
  const json = (password: string) => `{"email":"a@example.com","password":"${password}"}`;
  const utf16 = (text: string) => Buffer.from(text, 'utf16le').toString('latin1');

  it.each([
    'utf-16',
    'utf-16le',
    'UTF-16BE',
    'utf-32',
    'utf-7',
    'iso-8859-1',
    'windows-1252',
    'us-ascii',
    'gb18030',
    'x-unknown',
    'none',
  ])('in %s is refused with 415 and the name of the charset', async (charset) => {
    for (const type of [
      `application/json; charset=${charset}`,
      `application/json;charset="${charset}"`,
    ]) {
      const received = await signIn(json('x'), type);
      expect([statusOf(received), errorOf(received)]).toEqual([
        415,
        `the body must be JSON in UTF-8, not in ${charset}`,
      ]);
    }
    expect(signIns).toEqual([]);
  });

  it.each(['utf-8', 'UTF-8', '"utf-8"', 'utf8'])('in %s is accepted', async (charset) => {
    expect(statusOf(await signIn(json('x'), `application/json; charset=${charset}`))).toBe(200);
  });

  it('in UTF-8 may begin with a byte order mark', async () => {
    expect(statusOf(await signIn(`\xef\xbb\xbf${json('x')}`))).toBe(200);
  });

  it.each([
    ['a byte that is in no UTF-8', '\xff'],
    ['latin1', 'caf\xe9'],
    ['a character that was cut', '\xe2\x82'],
    ['a continuation alone', '\x80'],
    ['an overlong form', '\xc0\xaf'],
    ['half of a surrogate pair', '\xed\xa0\x80'],
    ['a code point beyond Unicode', '\xf4\x90\x80\x80'],
  ])('with %s is refused with 400, whatever its place', async (_, bytes) => {
    for (const body of [json(bytes), json('x').replace('email', bytes), json('x') + bytes]) {
      const received = await signIn(body);
      expect([statusOf(received), errorOf(received)]).toEqual([400, 'the body is not UTF-8']);
    }
    expect(signIns).toEqual([]);
  });

  it('in UTF-16 without a charset is refused', async () => {
    expect(statusOf(await signIn(utf16(json('x'))))).toBe(400);
    expect(statusOf(await signIn(`\xff\xfe${utf16(json('x'))}`))).toBe(400);
  });

  it('reaches the service with exactly the password that was sent', async () => {
    for (const password of ['caf\xc3\xa9', '\xe2\x82\xac', '\xf0\x9f\x94\x91', 'a\xcc\x8a']) {
      expect(statusOf(await signIn(json(password)))).toBe(200);
      expect(signIns.at(-1)).toBe(Buffer.from(password, 'latin1').toString('utf8'));
    }
  });
});

describe('a path', () => {
  it.each([
    '/api/v1/%70roducts',
    '/%61pi/v1/products',
    '/api/%761/products',
    '/api/v1/product%73',
    '/api/v1/%70%72%6f%64%75%63%74%73',
  ])('%s is /api/v1/products', async (path) => {
    expect(statusOf(await get(path))).toBe(200);
    expect(asked).toHaveLength(1);
  });

  it.each(['/%68ealth', '/he%61lth', '/%6Detrics', '/api/v1/gateway/%73ervices'])(
    '%s is that of a page of the gateway',
    async (path) => {
      expect(statusOf(await get(path))).toBe(200);
    },
  );

  it.each([
    '/api/v1/%2570roducts',
    '/api%2fv1/products',
    '/api/v1%2Fproducts',
    '/api/v1/%50roducts',
  ])('%s is another path: 404', async (path) => {
    expect(statusOf(await get(path))).toBe(404);
  });

  it('that is encoded twice is decoded once', async () => {
    const received = await get('/api/v1/products/a%2562');
    expect(received).toContain('"productId":"a%62"');
    expect(await get('/api/v1/products/a%62')).toContain('"productId":"ab"');
  });

  it.each([
    ['/api/v1/products/%ff', 'the path is not percent-encoded UTF-8'],
    ['/api/v1/products/%c0%af', 'the path is not percent-encoded UTF-8'],
    ['/api/v1/products/%ed%a0%80', 'the path is not percent-encoded UTF-8'],
    ['/api/v1/products/%', 'the path is not percent-encoded UTF-8'],
    ['/%e2%82', 'the path is not percent-encoded UTF-8'],
    ['/api/v1/products/../orders', 'the path has a segment of dots'],
    ['/api/v1/products/%2e%2e/orders', 'the path has a segment of dots'],
    ['/api/v1/./products', 'the path has a segment of dots'],
    ['/api/v1/products/.%2E', 'the path has a segment of dots'],
    ['/api/v1/products#x', 'the URL has characters that must be percent-encoded'],
  ])('%s is refused with 400', async (path, error) => {
    const received = await get(path);
    expect([statusOf(received), errorOf(received)]).toEqual([400, error]);
  });

  it.each(['/api/v1/products/caf\xc3\xa9', '/api/v1/products?category=\xff', '/\x7f'])(
    '%j with bytes that are not encoded is refused with 400',
    async (path) => {
      expect(statusOf(await get(path))).toBe(400);
    },
  );

  it('has at most 4096 characters with its query', async () => {
    const query = (length: number) => `${HEALTH}?${'a'.repeat(length - HEALTH.length - 1)}`;
    expect(statusOf(await get(query(4_096)))).toBe(200);
    expect(statusOf(await get(query(4_097)))).toBe(414);
    expect(statusOf(await get(query(100_000)))).toBe(431);
  });
});

describe('a query', () => {
  it.each(['%ff', 'caf%E9', '%c0%af', '%ed%a0%80', '%', '%zz', '%f4%90%80%80'])(
    'with the value %s is refused with 400',
    async (value) => {
      for (const query of [`category=${value}`, `${value}=1`, `page=1&category=a${value}`]) {
        const received = await get(`/api/v1/products?${query}`);
        expect([statusOf(received), errorOf(received)]).toEqual([
          400,
          'the query is not percent-encoded UTF-8',
        ]);
      }
      expect(asked).toEqual([]);
    },
  );

  it('reaches the service as it was sent', async () => {
    for (const [value, category] of [
      ['caf%C3%A9', 'café'],
      ['a+b', 'a b'],
      ['a%2Bb', 'a+b'],
      ['%2541', '%41'],
    ]) {
      expect(statusOf(await get(`/api/v1/products?category=${value}`))).toBe(200);
      expect(asked.at(-1)).toEqual({ category });
    }
  });

  it('has at most 50 parameters', async () => {
    const query = (count: number) => Array.from({ length: count }, () => 'a').join('&');
    expect(statusOf(await get(`${HEALTH}?${query(50)}`))).toBe(200);
    const received = await get(`${HEALTH}?${query(51)}`);
    expect([statusOf(received), errorOf(received)]).toEqual([
      400,
      'the query has more than 50 parameters',
    ]);
  });

  it('that names a parameter twice is refused', async () => {
    expect(statusOf(await get('/api/v1/products?page=1&page=2'))).toBe(422);
  });
});
