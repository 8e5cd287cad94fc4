import { isIPv6 } from 'node:net';
import fc, { type Arbitrary } from 'fast-check';
import { clientNetwork } from '#kit/core/client-address';
import { nextTraceparent, traceId } from '#kit/core/trace';
import { openEdge } from '../../../services/gateway/testing/edge';
import { UNLIMITED } from '../../../services/gateway/testing/edge-config';
import { type Target, target } from '../target';

// Headers of a request, through the real edge over a socket, and the functions that read single ones.

/** What HTTP permits in a value: visible ASCII, spaces, tabs and bytes above 127. */
const byte = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
  fc.integer({ min: 0x80, max: 0xff }),
  fc.constant(0x09),
);
const value = fc.oneof(
  fc.array(byte, { maxLength: 60 }).map((codes) => String.fromCharCode(...codes).trim()),
  fc.constantFrom(
    '*',
    '"a"',
    'W/"a"',
    '"a", "b"',
    'a,b,,',
    'q=0',
    '*;q=0',
    'de;q=0.5, en;q=2',
    'respond-async;x',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01-',
    '127.0.0.1',
    '::1, 10.0.0.1',
    '__proto__',
    'Bearer a.b.c',
    'x'.repeat(300),
  ),
);
const NAMES = [
  'idempotency-key',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'accept',
  'accept-language',
  'accept-encoding',
  'authorization',
  'x-api-key',
  'traceparent',
  'tracestate',
  'x-request-id',
  'x-correlation-id',
  'x-forwarded-for',
  'prefer',
  'last-event-id',
  'origin',
  'range',
];

interface Input {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
}

const input: Arbitrary<Input> = fc.record({
  method: fc.constantFrom('GET', 'POST'),
  headers: fc
    .array(fc.tuple(fc.constantFrom(...NAMES), value), { maxLength: 6 })
    .map((entries) => Object.fromEntries(entries)),
});

const ANSWERS = [200, 201, 304, 400, 401, 403, 406, 412, 416, 422];
const ID = /^[\w-]{1,64}$/;
const TRACE = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

function checkReaders(text: string): void {
  const next = nextTraceparent(text);
  if (!TRACE.test(next)) throw new Error(`the next traceparent is ${next}`);
  if (TRACE.test(text) && traceId(next) !== traceId(text)) throw new Error('another trace');
  const network = clientNetwork(text);
  if (isIPv6(text) && !/^[0-9a-f:.]+(\/64)?$/.test(network)) throw new Error(`network ${network}`);
}

export const headers = async (): Promise<Target> => {
  const seen: string[] = [];
  const note = (_: unknown, { callContext }: { callContext: { id: string } }) => {
    seen.push(callContext.id);
    return {};
  };
  const edge = await openEdge(
    { user: { register: note }, product: { listProducts: note } },
    { config: { LIMITS_FILE: UNLIMITED, TRUSTED_PROXIES: ['127.0.0.1'] } },
  );
  return target({
    name: 'headers',
    about: 'headers, through the real edge',
    cost: 20,
    input,
    close: () => edge.close(),
    check: async ({ method, headers }) => {
      Object.values(headers).forEach(checkReaders);
      seen.length = 0;
      const response =
        method === 'GET'
          ? await edge.send('GET', '/api/v1/products', { headers })
          : await edge.send('POST', '/api/v1/auth/register', { headers, body: { email: 'a' } });
      const { status, body } = response;
      if (!ANSWERS.includes(status)) throw new Error(`status ${status}: ${JSON.stringify(body)}`);
      const { 'x-request-id': id, 'x-correlation-id': correlation } = response.headers;
      if (!ID.test(String(id)) || !ID.test(String(correlation)))
        throw new Error('ids of a request');
      for (const id of seen) {
        if (!/^[\w-]{1,128}$/.test(id)) throw new Error(`the id of the call is ${id}`);
      }
      const key = headers['idempotency-key'];
      const isValid = key === undefined || /^[\x21-\x7e]{1,128}$/.test(key);
      const isNamed = body.details?.fields?.some(({ field }) => field === 'idempotency-key');
      if (method === 'POST' && !isValid && status < 400)
        throw new Error('an invalid key is accepted');
      if (method === 'POST' && isValid && isNamed === true)
        throw new Error('a valid key is refused');
    },
  });
};
