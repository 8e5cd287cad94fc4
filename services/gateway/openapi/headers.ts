import type { Route } from '../routes/types';
import type { Json } from './messages';

const text = (description: string) => ({ description, schema: { type: 'string' } });
const seconds = (description: string) => ({ description, schema: { type: 'integer' } });

/** Response headers, as components by name. */
export const HEADERS = {
  'X-Request-ID': text('The id of the request: that of the client if it is well formed'),
  'X-Correlation-ID': text('The id of all work that the request causes'),
  'Cache-Control': text(
    'no-store, or private, no-cache if the client may keep the response and revalidate it',
  ),
  RateLimit: text('The nearest limit: requests left (r) and seconds until the window ends (t)'),
  'RateLimit-Policy': text('The limits that count the request: q requests in w seconds'),
  ETag: text(
    'Identifies the data: send it as If-None-Match to learn whether it has changed, and as If-Match to change it only if it has not',
  ),
  'X-Cache': text('stale: the service is down, and this is its last good response'),
  Age: seconds('Age of a stale response in seconds'),
  Warning: text('Marks a stale response'),
  'Retry-After': seconds('Seconds after which to try again'),
  Allow: text('The methods of the path'),
  'WWW-Authenticate': text('The authentication scheme'),
} as const satisfies Record<string, Json>;
export type Header = keyof typeof HEADERS;

/** Headers of every response. */
const ALWAYS = ['X-Request-ID', 'X-Correlation-ID', 'Cache-Control'] as const;
/** Headers of every response that counts against a rate limit. */
const COUNTED = ['RateLimit', 'RateLimit-Policy'] as const;
/** Headers of a response from the stale cache. */
const STALE = ['X-Cache', 'Age', 'Warning'] as const;

/** References to the headers of every response and to these others. */
function headers(...others: readonly Header[]): Json {
  return Object.fromEntries(
    [...ALWAYS, ...others].map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
}

/** Headers of a refusal by any route. */
export function headersOfRefusal(status: number): Json {
  const own: Partial<Record<number, readonly Header[]>> = {
    401: ['WWW-Authenticate'],
    405: ['Allow'],
    412: ['ETag'],
    429: ['Retry-After'],
    503: ['Retry-After'],
  };
  return headers(...COUNTED, ...(own[status] ?? []));
}

/** Headers of a successful response, 304 included. */
export function headersOfSuccess(route: Route): Json {
  return headers(
    ...('handle' in route ? [] : COUNTED),
    ...(hasTag(route) ? (['ETag'] as const) : []),
    ...('rpc' in route && route.staleIfError ? STALE : []),
  );
}

/** Whether it is a read whose responses have an ETag, so that 304 is possible. */
export function isConditional(route: Route): boolean {
  return route.method === 'GET' && !('streams' in route);
}

/** Whether its responses have an ETag: those of a read, and a record with the time of its last change. */
function hasTag(route: Route): boolean {
  const hasTime = 'rpc' in route && route.rpc.output.field['updatedAt'] !== undefined;
  return isConditional(route) || hasTime;
}

/** Whether it changes a resource only if the conditions of the request are true of it. */
export function isConditionalChange(route: Route): boolean {
  return 'rpc' in route && route.resource !== undefined;
}

/** The grammar of a list of entity tags. */
const TAGS = '^(\\*|(W/)?"[\\x21\\x23-\\x7e]*"(, *(W/)?"[\\x21\\x23-\\x7e]*")*)$';

/** Request headers, as components by name. */
export const PARAMETERS = {
  IfMatch: {
    name: 'If-Match',
    in: 'header',
    description: [
      'ETags of the resource: it is changed only if it still has the version of one of them, else the answer',
      'is 412. `*`: only if it exists. A weak ETag never matches',
    ].join(' '),
    schema: { type: 'string', pattern: TAGS },
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    description: [
      'ETags of known responses. A read is answered with 304 if one is still current, and a change with 412.',
      '`*`: any; a change is then made only if the resource does not exist',
    ].join(' '),
    schema: { type: 'string', pattern: TAGS },
  },
  IfUnmodifiedSince: {
    name: 'If-Unmodified-Since',
    in: 'header',
    description: [
      'The resource is changed only if `updatedAt` is not after this second, else the answer is 412. Ignored',
      'with If-Match, which is more exact: two changes can have the same second',
    ].join(' '),
    schema: { type: 'string' },
    example: 'Thu, 01 Jan 2026 10:00:00 GMT',
  },
  LastEventId: {
    name: 'Last-Event-ID',
    in: 'header',
    description: 'The id of the last event received; only later events are sent',
    schema: { type: 'string' },
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description: [
      'Makes retries safe: for 24 hours, the same request of the same user with the same key is executed',
      'once and gets the same response. Another request with that key is refused with 422, and a',
      'malformed key with 400.',
    ].join(' '),
    schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$' },
  },
  Prefer: {
    name: 'Prefer',
    in: 'header',
    description: 'respond-async: respond with 202 immediately and complete the work later',
    schema: { type: 'string' },
  },
} as const;

/** References to the headers that a request to this route may have. */
export function headerParameters(route: Route): Json[] {
  const names: readonly (keyof typeof PARAMETERS)[] = [
    ...(isConditional(route) ? (['IfNoneMatch'] as const) : []),
    ...(isConditionalChange(route)
      ? (['IfMatch', 'IfNoneMatch', 'IfUnmodifiedSince'] as const)
      : []),
    ...('streams' in route ? (['LastEventId'] as const) : []),
    ...('rpc' in route && route.idempotent ? (['IdempotencyKey'] as const) : []),
    ...('rpc' in route && route.async ? (['Prefer'] as const) : []),
  ];
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}
