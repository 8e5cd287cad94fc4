import { headersOfRefusal } from './headers';
import type { Json } from './messages';
import type { Route } from '../routes/types';

/** What both forms of a refusal tell. */
const TOLD: Json = {
  timestamp: { type: 'string', format: 'date-time' },
  requestId: { type: 'string' },
  details: {
    type: 'object',
    properties: {
      reason: { type: 'string', description: 'A code for programs, such as out_of_stock' },
      fields: {
        type: 'array',
        description: 'What is wrong with which field',
        items: {
          type: 'object',
          properties: { field: { type: 'string' }, message: { type: 'string' } },
          required: ['field', 'message'],
        },
      },
    },
  },
};

/** The one form of what is refused. */
export const REFUSAL = objectOf({
  success: { const: false },
  error: { type: 'string' },
  statusCode: { type: 'integer' },
  ...TOLD,
});

/** The same, for who asks for `application/problem+json` (RFC 9457). */
export const PROBLEM = objectOf({
  type: { const: 'about:blank' },
  title: { type: 'string' },
  status: { type: 'integer' },
  ...TOLD,
});

/** An object that always has each of these. */
function objectOf(properties: Json): Json {
  return { type: 'object', properties, required: Object.keys(properties) };
}

const REFUSALS = {
  400: ['Unreadable', 'The request cannot be read'],
  401: ['Unauthenticated', 'There is no token, or it is not good'],
  403: ['Forbidden', 'Not for this role, or not for this API key'],
  404: ['NotFound', "There is no such thing, or it is somebody else's"],
  405: ['MethodNotAllowed', 'The path is there, but not with this method: see Allow'],
  409: ['Conflict', 'It is there already, or was changed by somebody else at the same time'],
  413: ['TooLarge', 'The body is larger than 1 MiB'],
  415: ['NotJson', 'The body is not JSON in UTF-8'],
  422: [
    'Refused',
    'A field is not as it must be, what is asked cannot be done, or its Idempotency-Key was given with another request',
  ],
  429: ['TooMany', 'Too many requests: try again after Retry-After seconds'],
  500: ['Fault', "A fault that is not the client's"],
  502: ['Unreachable', 'A service that this needs cannot be reached'],
  503: ['Unavailable', 'This cannot be done at the moment: try again after Retry-After seconds'],
  504: ['TimedOut', 'This took too long; it may have had its effect'],
} as const;
type Status = keyof typeof REFUSALS;

/** Every refusal, by its name among the components. */
export const responses: Json = Object.fromEntries(
  Object.entries(REFUSALS).map(([status, [name, description]]) => [
    name,
    response(Number(status), description),
  ]),
);

/** How a request to this route may be refused. */
export function refusals(route: Route): Json {
  return Object.fromEntries(
    statusesOf(route).map((status) => [
      status,
      { $ref: `#/components/responses/${REFUSALS[status][0]}` },
    ]),
  );
}

function statusesOf(route: Route): Status[] {
  if ('own' in route) return [500, 503];
  const { method } = route;
  return [
    400,
    401,
    403,
    404,
    // what reads changes nothing that something else could change as well
    ...(method === 'GET' ? [] : [409 as const]),
    ...(method === 'POST' || method === 'PATCH' ? ([413, 415] as const) : []),
    ...([422, 429, 500, 502, 503, 504] as const),
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
