import { isDeepStrictEqual } from 'node:util';
import fc, { type Arbitrary } from 'fast-check';
import { openEdge } from '../../../services/gateway/testing/edge';
import { UNLIMITED } from '../../../services/gateway/testing/edge-config';
import { anyJson, anyName, anyText } from '../json-values';
import { type Target, target } from '../target';

// The bytes of a body, through the real edge over a socket: those of a sign-in. Its oracle is JSON.parse of
// what a strict UTF-8 decoder returns.

const TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json;charset=UTF-16',
  'application/json; charset=utf-7',
  'text/plain',
  'application/problem+json',
];

interface Input {
  readonly bytes: Buffer;
  readonly type: string;
}

const credentials = fc.record({
  email: fc.string({ unit: 'grapheme', maxLength: 20 }),
  password: fc.string({ unit: 'grapheme', maxLength: 20 }),
});
/** JSON texts: also with a name twice, an unusual spelling, white space, or numbers that are not exact. */
const text: Arbitrary<string> = fc.oneof(
  credentials.map((value) => JSON.stringify(value)),
  anyJson.map((value) => JSON.stringify(value)),
  fc.tuple(credentials, anyName, anyJson).map(([value, name, more]) => {
    return JSON.stringify(Object.fromEntries([...Object.entries(value), [name, more]]));
  }),
  fc
    .tuple(anyText, anyText)
    .map(
      ([one, two]) =>
        `{"email":"a","email":${JSON.stringify(one)},"password":${JSON.stringify(two)}}`,
    ),
  fc.constantFrom(
    '{"email":"\\u0061","password":"\\ud800"}',
    '{"email":"a","password":"p"}x',
    ' \n{"email" : "a" , "password" : "p"}\t',
    '{"email":1e999,"password":9007199254740993}',
    '{"email":"a","password":"p",}',
    "{'email':'a'}",
    '[',
    'nul',
  ),
  fc.nat({ max: 200 }).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
);
const bytes: Arbitrary<Buffer> = fc.oneof(
  text.map((json) => Buffer.from(json)),
  text.map((json) => Buffer.from(`\ufeff${json}`)),
  text.map((json) => Buffer.from(json, 'utf16le')),
  text.map((json) => Buffer.from(json, 'latin1')),
  fc.tuple(text, fc.nat(), fc.nat({ max: 255 })).map(([json, at, byte]) => {
    const damaged = Buffer.from(json);
    if (damaged.length > 0) damaged[at % damaged.length] = byte;
    return damaged;
  }),
  fc
    .tuple(text, fc.nat())
    .map(([json, at]) => Buffer.from(json).subarray(0, at % (json.length + 1))),
  fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
);
const input: Arbitrary<Input> = fc.record({
  bytes,
  type: fc.oneof(
    { weight: 4, arbitrary: fc.constant('application/json') },
    fc.constantFrom(...TYPES),
  ),
});

/** The credentials that these bytes may stand for; undefined if they are none. */
function oracle(bytes: Buffer): unknown {
  try {
    const decoded = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return JSON.parse(decoded) as unknown;
  } catch {
    return undefined;
  }
}

const REFUSALS = [400, 413, 415, 422];
/** An answer repeats at most what was sent, and some text. */
const MAX_ANSWER = 16_384;

export const jsonBodies = async (): Promise<Target> => {
  let received: unknown;
  const login = (message: { email: string; password: string }) => {
    received = { email: message.email, password: message.password };
    return { token: 't' };
  };
  const edge = await openEdge({ user: { login } }, { config: { LIMITS_FILE: UNLIMITED } });
  return target({
    name: 'json-bodies',
    about: 'bytes of a body, through the real edge',
    cost: 20,
    input,
    close: () => edge.close(),
    check: async ({ bytes, type }) => {
      received = undefined;
      const headers = { 'content-type': type };
      const response = await edge.send('POST', '/api/v1/auth/login', { raw: bytes, headers });
      const { status, body } = response;
      const json = oracle(bytes);
      if (status === 200) {
        const filled = { email: '', password: '', ...(json as object) };
        if (!isDeepStrictEqual(received, filled) && bytes.length > 0) {
          throw new Error(`accepted as ${JSON.stringify(received)}`);
        }
        return;
      }
      if (!REFUSALS.includes(status)) throw new Error(`status ${status}`);
      if (received !== undefined) throw new Error('a refused body reached the service');
      if (body.success !== false || typeof body.error !== 'string' || body.error === '') {
        throw new Error(`the refusal has no message: ${JSON.stringify(body)}`);
      }
      if (status === 422 && (body.details?.fields ?? []).length === 0) {
        throw new Error('the refusal names no field');
      }
      if (JSON.stringify(body).length > MAX_ANSWER) throw new Error('the answer is too large');
      if (status !== 415 && type.startsWith('application/json') && isCredentials(json, bytes)) {
        throw new Error(`valid credentials are refused: ${body.error}`);
      }
    },
  });
};

/** Whether the bytes are credentials in the usual spelling. */
function isCredentials(json: unknown, bytes: Buffer): boolean {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return false;
  if (!Buffer.from(JSON.stringify(json)).equals(bytes)) return false;
  return Object.entries(json).every(
    ([name, value]) =>
      (name === 'email' || name === 'password') &&
      typeof value === 'string' &&
      value.isWellFormed(),
  );
}
