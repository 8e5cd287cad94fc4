import type { Json } from './messages';
import type { Route } from '../routes/types';

const text = (description: string) => ({ description, schema: { type: 'string' } });
const seconds = (description: string) => ({ description, schema: { type: 'integer' } });

/** What an answer tells in its head, by name among the components. */
export const HEADERS = {
  'X-Request-ID': text("The request's id: the client's own, where it is of the right form"),
  'X-Correlation-ID': text('The id of all that the request brings about'),
  'Cache-Control': text(
    'Who may keep the answer: nobody, or the client that asks whether it holds',
  ),
  RateLimit: text(
    'What is left (r) of the limit that is nearest, and seconds until it is anew (t)',
  ),
  'RateLimit-Policy': text('The limits that the request is counted by: so many (q) in seconds (w)'),
  ETag: text('What the data is known by: sent as If-None-Match it asks whether it has changed'),
  'X-Cache': text('stale: the service is down, and this is what it answered before'),
  Age: seconds('Of a stale answer, in seconds'),
  Warning: text('Of a stale answer'),
  'Retry-After': seconds('After so many seconds it may be asked again'),
  Allow: text('The methods that there are'),
  'WWW-Authenticate': text('How to sign in'),
} as const satisfies Record<string, Json>;
export type Header = keyof typeof HEADERS;

/** In the head of every answer, and of every one that is counted. */
const ALWAYS = ['X-Request-ID', 'X-Correlation-ID', 'Cache-Control'] as const;
const COUNTED = ['RateLimit', 'RateLimit-Policy'] as const;
/** What tells that an answer is one of before. */
const STALE = ['X-Cache', 'Age', 'Warning'] as const;

/** References to the headers of an answer, those that every answer has among them. */
export function headers(...others: readonly Header[]): Json {
  return Object.fromEntries(
    [...ALWAYS, ...others].map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
}

/** The headers of a refusal, whose route may be any. */
export function headersOfRefusal(status: number): Json {
  const own: Partial<Record<number, readonly Header[]>> = {
    401: ['WWW-Authenticate'],
    405: ['Allow'],
    429: ['Retry-After'],
    503: ['Retry-After'],
  };
  return headers(...COUNTED, ...(own[status] ?? []));
}

/** The headers of what is answered with data, or with its being known already. */
export function headersOfAnswer(route: Route): Json {
  return headers(
    ...('own' in route ? [] : COUNTED),
    ...(isConditional(route) ? (['ETag'] as const) : []),
    ...('rpc' in route && route.lastGood ? STALE : []),
  );
}

/** Whether its answer is told anew only where it is another than before. */
export function isConditional(route: Route): boolean {
  return route.method === 'GET' && !('streams' in route);
}

/** What a request tells in its head, by name among the components. */
export const PARAMETERS = {
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    description: 'The ETag of the answer that is known: where it still holds, 304 says so',
    schema: { type: 'string' },
  },
  LastEventId: {
    name: 'Last-Event-ID',
    in: 'header',
    description: 'The id of the last event that came, to hear only what is new',
    schema: { type: 'string' },
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description: [
      'For a day the same request of the same user under the same key is the same piece of work,',
      'and is answered as the first time; another request under it is refused with 422,',
      'and a key of another form with 400',
    ].join(' '),
    schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$' },
  },
  Prefer: {
    name: 'Prefer',
    in: 'header',
    description: 'respond-async: the answer is 202 at once, and the work goes on',
    schema: { type: 'string' },
  },
} as const;

/** References to what a request to this route may tell in its head. */
export function parametersInHead(route: Route): Json[] {
  const names: readonly (keyof typeof PARAMETERS)[] = [
    ...(isConditional(route) ? (['IfNoneMatch'] as const) : []),
    ...('streams' in route ? (['LastEventId'] as const) : []),
    ...('rpc' in route && route.idempotent ? (['IdempotencyKey'] as const) : []),
    ...('rpc' in route && route.async ? (['Prefer'] as const) : []),
  ];
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}
