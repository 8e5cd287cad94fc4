import type { Route } from '../routes/types';
import { headersOfRefusal } from './headers';
import type { Json } from './messages';

/** Properties that both forms of a refusal have. */
const COMMON: Json = {
  timestamp: { type: 'string', format: 'date-time' },
  requestId: { type: 'string' },
  details: {
    type: 'object',
    properties: {
      reason: { type: 'string', description: 'A code for programs, such as out_of_stock' },
      fields: {
        type: 'array',
        description: 'The errors of single fields',
        items: {
          type: 'object',
          properties: { field: { type: 'string' }, message: { type: 'string' } },
          required: ['field', 'message'],
        },
      },
    },
  },
};

/** The usual form of an error. */
export const REFUSAL = objectOf({
  success: { const: false },
  error: { type: 'string' },
  statusCode: { type: 'integer' },
  ...COMMON,
});

/** The form of an error for clients that accept `application/problem+json` (RFC 9457). */
export const PROBLEM = objectOf({
  type: { const: 'about:blank' },
  title: { type: 'string' },
  status: { type: 'integer' },
  ...COMMON,
});

/** An object that always has all of these properties. */
function objectOf(properties: Json): Json {
  return { type: 'object', properties, required: Object.keys(properties) };
}

const REFUSALS = {
  400: ['Unreadable', 'The request is malformed'],
  401: ['Unauthenticated', 'The credentials are missing or not valid'],
  403: ['Forbidden', 'The role or the scopes of the API key do not permit this'],
  404: ['NotFound', 'The resource does not exist or belongs to another user'],
  405: ['MethodNotAllowed', 'The path exists, but not with this method: see Allow'],
  409: ['Conflict', 'The resource exists already, or another request changed it concurrently'],
  412: [
    'Changed',
    'A condition of the request is not true of the resource, which has the ETag of this response',
  ],
  413: ['TooLarge', 'The body is larger than the route accepts'],
  408: ['NotReceived', 'The body was not received in 10 seconds'],
  415: ['NotJson', 'The body is not JSON in UTF-8'],
  422: [
    'Refused',
    'A field is not valid, the operation is not possible, or the Idempotency-Key was used for another request',
  ],
  429: ['TooMany', 'Too many requests: try again after Retry-After seconds'],
  500: ['Fault', 'An internal error'],
  502: ['Unreachable', 'A required service cannot be reached'],
  503: ['Unavailable', 'Temporarily unavailable: try again after Retry-After seconds'],
  504: ['TimedOut', 'Timed out; the request may still take effect'],
} as const;
type Status = keyof typeof REFUSALS;

/** All refusals, as components by name. */
export const responses: Json = Object.fromEntries(
  Object.entries(REFUSALS).map(([status, [name, description]]) => [
    name,
    response(Number(status), description),
  ]),
);

/** References to the refusals that a route can respond with. */
export function refusals(route: Route): Json {
  return Object.fromEntries(
    statusesOf(route).map((status) => [
      status,
      { $ref: `#/components/responses/${REFUSALS[status][0]}` },
    ]),
  );
}

function statusesOf(route: Route): Status[] {
  // it takes no input and no credentials, so it refuses conditions, another method and too many requests
  if ('handle' in route) return [400, 405, 412, 429, 500, 503];
  const { method } = route;
  return [
    400,
    401,
    403,
    404,
    // a read conflicts with nothing
    ...(method === 'GET' ? [] : [409 as const]),
    ...('streams' in route ? [] : [412 as const]),
    ...(method === 'POST' || method === 'PATCH' ? ([408, 413, 415] as const) : []),
    422,
    429,
    500,
    502,
    503,
    504,
  ];
}

function response(status: number, description: string): Json {
  const content = Object.fromEntries(
    [
      ['application/json', 'Refusal'],
      ['application/problem+json', 'Problem'],
    ].map(([type, form]) => [type, { schema: { $ref: `#/components/schemas/${form}` } }]),
  ) as Json;
  return { description, headers: headersOfRefusal(status), content };
}
