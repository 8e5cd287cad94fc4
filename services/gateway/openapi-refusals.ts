import type { Json } from './openapi-messages';
import type { Route } from './route';

/** The one form of what is refused. */
export const REFUSAL: Json = {
  type: 'object',
  properties: {
    success: { const: false },
    error: { type: 'string' },
    statusCode: { type: 'integer' },
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
  },
  required: ['success', 'error', 'statusCode', 'timestamp', 'requestId', 'details'],
};

const REFUSALS = {
  400: ['Unreadable', 'The request cannot be read'],
  401: ['Unauthenticated', 'There is no token, or it is not good'],
  403: ['Forbidden', 'Not for this role'],
  404: ['NotFound', "There is no such thing, or it is somebody else's"],
  409: ['Conflict', 'It is there already, or was changed by somebody else at the same time'],
  413: ['TooLarge', 'The body is larger than 1 MiB'],
  415: ['NotJson', 'The body is not JSON in UTF-8'],
  422: ['Refused', 'A field is not as it must be, or what is asked cannot be done'],
  429: ['TooMany', 'Too many requests: try again after Retry-After seconds'],
  500: ['Fault', "A fault that is not the client's"],
  502: ['Unreachable', 'A service that this needs cannot be reached'],
  503: ['Unavailable', 'This cannot be done at the moment: try again after Retry-After seconds'],
  504: ['TimedOut', 'This took too long; it may have had its effect'],
} as const;
type Status = keyof typeof REFUSALS;

/** Every refusal, by its name among the components. */
export const responses: Json = Object.fromEntries(
  Object.values(REFUSALS).map(([name, description]) => [name, response(description)]),
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
  if ('own' in route) return [400, 429, 500, 503];
  const { who, method } = route;
  return [
    400,
    401,
    ...(typeof who === 'string' ? [] : [403 as const]),
    404,
    ...(method === 'GET' ? [] : ([409, 413, 415] as const)),
    ...([422, 429, 500, 502, 503, 504] as const),
  ];
}

function response(description: string): Json {
  const schema = { $ref: '#/components/schemas/Refusal' };
  return { description, content: { 'application/json': { schema } } };
}
