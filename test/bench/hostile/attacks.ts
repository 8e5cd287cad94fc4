import { type Socket, connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

/** Of the hostile client; the others have another one. All of 127.0.0.0/8 is this machine. */
const HOSTILE_ADDRESS = '127.0.0.66';
/** What a client tries where a limit admits ten requests a second or fewer. */
const PER_SECOND = 30;
/** What it tries where a limit on requests is not the point. */
const FLOOD_PER_SECOND = 300;

export interface Target {
  readonly port: number;
  readonly tokens: readonly string[];
}

/** Attacks until it is aborted; counts the answers by status, and connections that were closed without one. */
type Attack = (
  target: Target,
  signal: AbortSignal,
  count: (result: string) => void,
) => Promise<void>;

const head = (method: string, path: string, ...lines: readonly string[]) =>
  [`${method} ${path} HTTP/1.1`, 'host: x', ...lines, '', ''].join('\r\n');
const post = (path: string, body: string | Buffer, ...lines: readonly string[]) =>
  Buffer.concat([
    Buffer.from(
      head(
        'POST',
        path,
        'content-type: application/json',
        `content-length: ${Buffer.byteLength(body)}`,
        ...lines,
      ),
    ),
    Buffer.from(body),
  ]);

function open(port: number, signal: AbortSignal): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress: HOSTILE_ADDRESS });
  socket.on('error', () => undefined);
  const end = () => socket.destroy();
  signal.addEventListener('abort', end, { once: true });
  socket.once('close', () => {
    signal.removeEventListener('abort', end);
  });
  return socket;
}

/** Sends bytes on a new connection; the result is the status of the answer. */
function send(port: number, bytes: string | Buffer, signal: AbortSignal): Promise<string> {
  const socket = open(port, signal);
  socket.write(bytes);
  return new Promise((resolve) => {
    socket.once('data', (answer) => {
      resolve(answer.toString('latin1', 9, 12));
      // reads the rest, and does not keep the connection
      socket.resume().end();
    });
    socket.once('close', () => {
      resolve('closed');
    });
  });
}

/** Sends the same request again and again at a rate. */
const repeat =
  (bytes: string | Buffer, perSecond = PER_SECOND): Attack =>
  async ({ port }, signal, count) => {
    while (!signal.aborted) {
      void send(port, bytes, signal).then(count);
      await wait(1_000 / perSecond);
    }
  };

/** Opens connections at a rate, each with these bytes, and holds them without reading. */
const hold =
  (
    bytesOf: (n: number, target: Target) => string | Buffer,
    perSecond: number,
    most = Infinity,
  ): Attack =>
  async (target, signal, count) => {
    let held = 0;
    for (let n = 0; !signal.aborted; n++) {
      if (held < most) {
        held++;
        const socket = open(target.port, signal);
        socket.write(bytesOf(n, target));
        socket.once('close', () => {
          held--;
          count('closed');
        });
        count('opened');
      }
      await wait(1_000 / perSecond);
    }
  };

const LOGIN = '/api/v1/auth/login';
const largest = 16 * 1024;
const unknownFields = () => {
  const fields: string[] = [];
  for (let n = 0, bytes = 0; n < 499 && bytes < largest - 100; n++) {
    const field = `"${'k'.repeat(20)}${n}":[]`;
    bytes += field.length + 1;
    fields.push(field);
  }
  return `{${fields.join()}}`;
};

/** By what it wears out. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  'unknown fields in the largest body': repeat(post(LOGIN, unknownFields())),
  'a body of as many values as allowed': repeat(post(LOGIN, `{"email":[${'0,'.repeat(4_900)}0]}`)),
  'a body that is compressed a thousand times': repeat(
    post(LOGIN, gzipSync(Buffer.alloc(16 * 1024 * 1024)), 'content-encoding: gzip'),
  ),
  'sign-ins with a long e-mail': repeat(
    post(LOGIN, JSON.stringify({ email: 'e'.repeat(15_000), password: 'correct horse' })),
  ),
  'forged tokens': async ({ port, tokens: [token = ''] }, signal, count) => {
    const [header = '', payload = ''] = token.split('.');
    for (let n = 0; !signal.aborted; n++) {
      const signature = Buffer.alloc(64, n).toString('base64url');
      const authorization = `authorization: Bearer ${header}.${payload}.${signature}`;
      void send(port, head('GET', '/api/v1/orders', authorization), signal).then(count);
      await wait(1_000 / PER_SECOND);
    }
  },
  'bodies that are not completed': hold(
    () => head('POST', LOGIN, 'content-type: application/json', 'content-length: 100') + '{',
    PER_SECOND,
  ),
  'heads that are not completed': hold(
    () => 'GET /api/v1/products HTTP/1.1\r\nhost: x\r\nx: ',
    100,
  ),
  'idle connections': hold(() => '', FLOOD_PER_SECOND),
  'pipelined requests': repeat(head('GET', '/api/v1/products').repeat(1_000)),
  'large responses that are not read': hold(
    () => head('GET', '/api/docs/swagger-ui-bundle.js'),
    PER_SECOND,
  ),
  'event streams of 25 accounts': hold(
    (n, { tokens }) =>
      head(
        'GET',
        '/api/v1/orders/order_1/events',
        `authorization: Bearer ${tokens[n % tokens.length] ?? ''}`,
      ),
    100,
    500,
  ),
  metrics: repeat(head('GET', '/metrics')),
  'the API documentation': repeat(
    head('GET', '/api/docs/swagger-ui-bundle.js', 'accept-encoding: gzip'),
  ),
  'the health of the gateway': repeat(head('GET', '/api/v1/health/detailed'), 100),
  'a long query': repeat(head('GET', `/api/v1/products?${'a=1&'.repeat(50)}b=1`)),
  'a flood of refused requests': repeat(head('GET', '/api/v1/products'), FLOOD_PER_SECOND),
};

/** Runs an attack until it is stopped; the returned function stops it, and returns the counts of its results. */
export function startAttack(name: string, target: Target): () => Record<string, number> {
  const attack = ATTACKS[name];
  if (attack === undefined) throw new Error(`there is no attack ${name}`);
  const counts: Record<string, number> = {};
  const stopping = new AbortController();
  void attack(target, stopping.signal, (result) => {
    if (!stopping.signal.aborted) counts[result] = (counts[result] ?? 0) + 1;
  });
  return () => {
    stopping.abort();
    return counts;
  };
}
