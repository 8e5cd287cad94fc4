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
  ETag: text('Identifies the data: send it as If-None-Match to learn whether it has changed'),
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
    429: ['Retry-After'],
    503: ['Retry-After'],
  };
  return headers(...COUNTED, ...(own[status] ?? []));
}

/** Headers of a successful response, 304 included. */
export function headersOfSuccess(route: Route): Json {
  return headers(
    ...('handle' in route ? [] : COUNTED),
    ...(isConditional(route) ? (['ETag'] as const) : []),
    ...('rpc' in route && route.staleIfError ? STALE : []),
  );
}

/** Whether its responses have an ETag, so that 304 is possible. */
export function isConditional(route: Route): boolean {
  return route.method === 'GET' && !('streams' in route);
}

/** Request headers, as components by name. */
export const PARAMETERS = {
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    description: 'The ETag of a known response; the answer is 304 if it is still current',
    schema: { type: 'string' },
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
    ...('streams' in route ? (['LastEventId'] as const) : []),
    ...('rpc' in route && route.idempotent ? (['IdempotencyKey'] as const) : []),
    ...('rpc' in route && route.async ? (['Prefer'] as const) : []),
  ];
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}
