import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sendRaw, statusesIn as statuses } from '#kit/testing/raw-http';
import { routes } from './routes/table';
import { type Edge, openEdge } from './testing/edge';
import { exampleCalls, exampleRequest } from './testing/example-requests';

// Malicious requests. The edge refuses each in the usual form, stays up, and uses no more memory.

let edge: Edge;
beforeAll(async () => {
  edge = await openEdge(exampleCalls());
});
afterAll(() => edge.close());

const raw = (text: string) => sendRaw(edge.port, text);

/** Bytes in use on the heap after a garbage collection. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  // a function of V8, unknown to the types
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

describe('10,000 random bodies, over every route', () => {
  const changing = routes.filter(({ method }) => method === 'POST' || method === 'PATCH');
  const field = fc.constantFrom(
    ...changing.flatMap((route) => ('body' in route ? route.body : [])),
    ...['__proto__', 'constructor', 'prototype', 'toString', 'role', ''],
  );
  const body = fc.oneof(
    { weight: 5, arbitrary: fc.dictionary(field, fc.jsonValue(), { maxKeys: 6 }).map(asText) },
    { weight: 2, arbitrary: fc.jsonValue().map(asText) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  );

  it('cause no 5xx, and memory does not grow', async () => {
    const token = await edge.token({ role: 'admin' });
    const seen = new Map<number, number>();
    const send = async (sent: string | Buffer, at: number) => {
      const route = changing[at % changing.length]!;
      const { path } = exampleRequest(route);
      const { status, body } = await edge.send(route.method, path, { token, raw: sent });
      seen.set(status, (seen.get(status) ?? 0) + 1);
      expect(status).toBeLessThan(500);
      if (status >= 400) expect(body).toMatchObject({ success: false, statusCode: status });
    };
    const all = fc.sample(body, { numRuns: 10_000, seed: 6 });
    const rest = (from: number) => (from === 0 ? all.slice(0, 1_000) : all.slice(1_000));
    const batches = async (bodies: (string | Buffer)[]) => {
      for (let from = 0; from < bodies.length; from += 50) {
        await Promise.all(bodies.slice(from, from + 50).map((each, n) => send(each, from + n)));
      }
    };
    await batches(rest(0));
    const before = heapUsed();
    await batches(rest(1));
    expect([...seen.values()].reduce((sum, count) => sum + count)).toBe(10_000);
    expect(seen.get(400)).toBeGreaterThan(100);
    expect(seen.get(422)).toBeGreaterThan(1_000);
    // bytes for each request: nothing is kept but what counters and logs of the test hold
    expect((heapUsed() - before) / 9_000).toBeLessThan(1_024);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  }, 240_000);
});

function asText(value: unknown): string {
  return JSON.stringify(value);
}

describe('prototype pollution', () => {
  it.each([
    '{"__proto__":{"polluted":true}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '{"price":{"__proto__":{"polluted":true}}}',
  ])('%s changes nothing and is refused by name', async (sent) => {
    const token = await edge.token({ role: 'seller' });
    const response = await edge.send('POST', '/api/v1/products', { token, raw: sent });
    expect(response.status).toBe(422);
    expect(response.body.details?.fields?.[0]?.message).toBe('is unknown');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each(['?__proto__[polluted]=1', '?constructor.prototype.polluted=1', '?__proto__=1'])(
    'the query %s is refused',
    async (query) => {
      expect((await edge.send('GET', `/api/v1/products${query}`)).status).toBe(422);
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    },
  );
});

describe('request smuggling', () => {
  const head = (more: string) => `POST /api/v1/products HTTP/1.1\r\nhost: x\r\n${more}\r\n`;
  const hidden = 'GET /api/v1/health HTTP/1.1\r\nhost: x\r\n\r\n';

  it.each([
    [
      'both lengths',
      head('content-length: 4\r\ntransfer-encoding: chunked\r\n') + `0\r\n\r\n${hidden}`,
    ],
    ['two lengths', head('content-length: 0\r\ncontent-length: 44\r\n') + hidden],
    ['a length that is not a number', head('content-length: +0\r\n') + hidden],
    ['a negative length', head('content-length: -1\r\n') + hidden],
    ['an unknown coding', head('transfer-encoding: xchunked\r\n') + `0\r\n\r\n${hidden}`],
    ['chunked, but not last', head('transfer-encoding: chunked, identity\r\n') + hidden],
    ['a space before the colon', head('content-length : 44\r\n') + hidden],
    ['a header that continues in the next line', head('x: a\r\n b: c\r\n') + hidden],
    [
      'a bare line feed in a chunk size',
      head('transfer-encoding: chunked\r\n') + `0\n\r\n${hidden}`,
    ],
    [
      'a chunk size that is not a number',
      head('transfer-encoding: chunked\r\n') + `0x1\r\na\r\n0\r\n\r\n${hidden}`,
    ],
    ['a NUL in a header', head('x: a\0b\r\n') + hidden],
  ])('%s: the connection ends, and the hidden request is not answered', async (_, text) => {
    expect(statuses(await raw(text))).not.toContain(200);
  });

  it.each([
    ['no host', 'GET /api/v1/health HTTP/1.1\r\n\r\n'],
    ['another protocol', 'GET /api/v1/health HTTP/9.9\r\nhost: x\r\n\r\n'],
    ['an invalid method', 'G@T /api/v1/health HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['a head that is too large', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`],
    ['binary', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ])('%s is refused', async (_, text) => {
    const [status = 400] = statuses(await raw(text));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  });
});

describe('random paths and headers', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...[
        '..',
        '.',
        '%2e%2e',
        '%2f',
        '%00',
        '%ff',
        '%',
        '%zz',
        '//',
        '\\',
        ';',
        '@',
        '*',
        '~',
        '🙂',
      ],
      ...['api', 'v1', 'products', 'orders', '__proto__', 'constructor', 'admin', '%c0%af'],
    ),
    fc.string({ maxLength: 10 }),
  );
  const path = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('/'));

  it('cause no 5xx in a path', async () => {
    const texts = fc.sample(path, { numRuns: 400, seed: 6 }).map((each) =>
      // a space would end the path, and a line feed the request line
      Buffer.from(`/api/v1/${each}`, 'utf8')
        .toString('latin1')
        .replace(/[\s\0]/g, '+'),
    );
    for (let from = 0; from < texts.length; from += 40) {
      const responses = await Promise.all(
        texts
          .slice(from, from + 40)
          .map((text) => raw(`GET ${text} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)),
      );
      for (const response of responses) {
        const [status = 400] = statuses(response);
        expect([200, 400, 401, 404, 422]).toContain(status);
      }
    }
  }, 60_000);

  it('are ignored or refused in a header', async () => {
    const values = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 60 }), {
      numRuns: 200,
      seed: 6,
    });
    const names = [
      'authorization',
      'x-api-key',
      'x-request-id',
      'accept',
      'if-none-match',
      'origin',
    ];
    const more = ['idempotency-key', 'traceparent', 'x-forwarded-for', 'content-type', 'cookie'];
    const all = [...names, ...more];
    const responses = await Promise.all(
      values.map((bytes, n) => {
        const value = Buffer.from(bytes)
          .toString('latin1')
          .replace(/[\r\n\0]/g, '?');
        const line = `${all[n % all.length]}: ${value}`;
        return raw(
          `GET /api/v1/products HTTP/1.1\r\nhost: x\r\n${line}\r\nconnection: close\r\n\r\n`,
        );
      }),
    );
    for (const response of responses) {
      const [status = 400] = statuses(response);
      expect([200, 304, 400, 401]).toContain(status);
    }
  }, 60_000);
});

describe('a slow client', () => {
  it.each([
    ['its headers', 'GET /api/v1/health HTTP/1.1\r\nhost: x\r\nx-slow: '],
    [
      'its body',
      'POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
    ],
  ])(
    'that sends %s slowly is disconnected, and others are served meanwhile',
    async (_, begin) => {
      const server = await openEdge(
        {},
        { server: { timeouts: { headersMs: 200, requestMs: 400 } } },
      );
      const slow = Array.from({ length: 20 }, () => {
        const socket = connect({ port: server.port, host: '127.0.0.1' });
        socket.on('error', () => undefined).resume();
        socket.write(begin);
        const dripping = setInterval(() => socket.write('a'), 50);
        // not once(), which rejects if the connection is reset
        return new Promise<void>((closed) => {
          socket.once('close', () => {
            clearInterval(dripping);
            closed();
          });
        });
      });
      const healthy = await sendRaw(
        server.port,
        'GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
        5_000,
      );
      expect(statuses(healthy)).toEqual([200]);
      await Promise.all(slow);
      await server.close();
    },
    30_000,
  );
});
