import { afterEach, describe, expect, it } from '@jest/globals';
import { type Socket, connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { sendRaw, statusesIn } from '#kit/testing/raw-http';
import { type Edge, type EdgeOptions, openEdge } from '../testing/edge';
import { UNFINISHED_BODIES } from './body';

const LOGIN = '/api/v1/auth/login';
const BODY = '{"email":"ada@example.com","password":"correct horse"}';

let edge: Edge;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await edge.close();
});

async function open(config: NonNullable<EdgeOptions['config']> = {}) {
  edge = await openEdge(
    { user: { login: () => ({ token: 'a.b.c' }) } },
    { config: { TRUSTED_PROXIES: ['127.0.0.1'], ...config } },
  );
}

/** A request whose body is not complete, by a client; the text that it receives. */
function half(from: string, path = LOGIN) {
  const socket = connect({ port: edge.port, host: '127.0.0.1' });
  sockets.push(socket);
  const received = Promise.withResolvers<string>();
  socket.once('data', (bytes) => {
    received.resolve(bytes.toString());
  });
  socket.on('error', () => undefined);
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: x\r\nx-forwarded-for: ${from}\r\n` +
      `content-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY.slice(0, 5)}`,
  );
  return { socket, received: received.promise };
}

const signIn = (from: string) =>
  edge.send('POST', LOGIN, { raw: BODY, headers: { 'x-forwarded-for': from } });

/** Settles when this many bodies are being received. */
async function untilReceiving(count: number) {
  for (;;) {
    const { body } = await edge.send('GET', '/api/v1/gateway/status');
    if ((body.data as { receiving: number }).receiving === count) return;
  }
}

describe('a body that is not complete', () => {
  it('takes no place of the work of the gateway, so that others are answered', async () => {
    await open({ SHED_IN_FLIGHT: 1 });
    const clients = Array.from({ length: 150 }, (_, n) => half(`10.0.${n}.1`));
    await untilReceiving(clients.length);
    expect((await signIn('10.1.0.1')).status).toBe(200);
    // it is answered once it is complete
    clients[0]?.socket.write(BODY.slice(5));
    expect(statusesIn((await clients[0]?.received) ?? '')).toEqual([200]);
  });

  it.each([
    ['an address', '10.0.0.1', '10.0.0.1', '10.0.0.2'],
    ['an IPv6 network', '2001:db8::1', '2001:db8::ffff', '2001:db8:0:1::1'],
  ])('is one of a limited number of %s', async (_, one, same, other) => {
    await open();
    const held = Array.from({ length: UNFINISHED_BODIES.perClient }, () => half(one));
    await untilReceiving(held.length);
    expect(await half(same).received).toMatch(/^HTTP\/1.1 429 [^]*connection: close/i);
    // complete ones are not counted, and others have their own number
    expect((await signIn(same)).status).toBe(200);
    half(other);
    await untilReceiving(held.length + 1);
    for (const { socket } of held) socket.destroy();
    await untilReceiving(1);
    half(same);
    await untilReceiving(2);
  });

  it('is one of a limited number in all, in which every address has its part', async () => {
    await open();
    const { total, perClient, reserved, reservedPerClient } = UNFINISHED_BODIES;
    const common = total - reserved;
    for (let n = 0; n < common; n++) half(`10.0.0.${Math.floor(n / perClient)}`);
    await untilReceiving(common);
    for (let n = 0; n < reservedPerClient; n++) half('10.0.1.1');
    await untilReceiving(common + reservedPerClient);
    expect(statusesIn(await half('10.0.1.1').received)).toEqual([503]);
  });

  it('is refused with 503 if the gateway is overloaded when it is complete', async () => {
    const held = Promise.withResolvers<object>();
    edge = await openEdge(
      {
        user: { login: () => ({ token: 'a.b.c' }) },
        product: { listProducts: () => held.promise },
      },
      { config: { SHED_IN_FLIGHT: 1 } },
    );
    const { socket, received } = half('10.0.0.1');
    await untilReceiving(1);
    const other = edge.send('GET', '/api/v1/products');
    await edge.waitFor(2);
    socket.write(BODY.slice(5));
    expect(statusesIn(await received)).toEqual([503]);
    held.resolve({});
    expect((await other).status).toBe(200);
    expect((await signIn('10.0.0.1')).status).toBe(200);
  });

  it('counts no longer once its client is gone', async () => {
    await open();
    const { socket } = half('10.0.0.1');
    await untilReceiving(1);
    socket.destroy();
    await untilReceiving(0);
  });

  it('does not hold the response to a request that is refused without it', async () => {
    await open();
    // without a token
    expect(statusesIn(await half('10.0.0.1', '/api/v1/orders').received)).toEqual([401]);
    expect(statusesIn(await half('10.0.0.1', '/api/v1/none').received)).toEqual([404]);
  });
});

describe('a client that waits for 100 Continue', () => {
  const begin = (path: string, length: number) =>
    sendRaw(
      edge.port,
      `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n` +
        `content-length: ${length}\r\nexpect: 100-continue\r\n\r\n`,
    );

  it('gets it when the body is read', async () => {
    await open();
    expect(await begin(LOGIN, BODY.length)).toMatch(/^HTTP\/1.1 100 Continue/);
  });

  it.each([
    ['without a token', '/api/v1/orders', 10, 401],
    ['with a body that is too large', LOGIN, 1_000_000, 413],
    ['of an unknown path', '/api/v1/none', 10, 404],
  ])('%s is refused without it', async (_, path, length, status) => {
    await open();
    expect(statusesIn(await begin(path, length))).toEqual([status]);
  });
});

describe('a body with a content-encoding', () => {
  it.each(['lzma', 'gzip, gzip', 'identity, x', 'compress'])(
    '%s is refused with 415',
    async (coding) => {
      await open();
      const headers = { 'content-encoding': coding };
      expect(await edge.send('POST', LOGIN, { raw: BODY, headers })).toMatchObject({
        status: 415,
        body: { error: 'the content-encoding must be gzip, deflate, br or zstd' },
      });
    },
  );

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ])('%s is read, up to the size that its route accepts', async (coding, pack) => {
    await open();
    const headers = { 'content-encoding': coding };
    expect((await edge.send('POST', LOGIN, { raw: pack(BODY), headers })).status).toBe(200);
    const bomb = pack(Buffer.alloc(2 * 1024 * 1024));
    expect((await edge.send('POST', LOGIN, { raw: bomb, headers })).status).toBe(413);
    const cut = pack(BODY.repeat(10)).subarray(0, 30);
    expect((await edge.send('POST', LOGIN, { raw: cut, headers })).status).toBe(400);
    expect((await edge.send('POST', LOGIN, { raw: 'no', headers })).status).toBe(400);
  });
});
