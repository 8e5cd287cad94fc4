import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { z } from 'zod';
import { type Documented, documented } from './documented';
import { type Json, MessageSchemas, pathOf } from './openapi-messages';
import { REFUSAL, refusals, responses } from './openapi-refusals';
import type { OwnRoute, Route, RpcRoute, StreamRoute, Who } from './route';
import { apps } from './service';

/** The edge's API as OpenAPI 3.1, from the table of routes and the messages of their calls. */
export function openapi(base: string, routes: readonly Route[]): Json {
  const messages = new MessageSchemas(optionalFields(routes));
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = (paths[route.path.replace(/:(\w+)/g, '{$1}')] ??= {});
    path[route.method.toLowerCase()] = operation(route, messages);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Omnichannel API',
      version: '1',
      description: [
        'Written by `npm run docs` from the routes of the gateway.',
        'Every answer tells its request id, which is also in the header x-request-id.',
        'What is refused is refused in one form, by name where a field is at fault.',
        'An answer may have fields that are not listed here: ignore them.',
      ].join(' '),
    },
    servers: [{ url: base }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
      schemas: { Refusal: REFUSAL, ...messages.schemas },
      parameters: PARAMETERS,
      headers: HEADERS,
      responses,
    },
  };
}

function operation(route: Route, messages: MessageSchemas): Json {
  const about = aboutOf(route);
  const [, tag = ''] = route.path.split('/');
  const common = { tags: [tag], summary: about.summary, ...access(route.who) };
  if ('own' in route) {
    const { answers } = route;
    const answer = answered(schemaOf(answers));
    return {
      operationId: route.own.name,
      ...common,
      responses: { 200: answer, ...refusals(route) },
    };
  }
  if ('streams' in route) return streaming(route, about, common, messages);
  const { rpc, body } = route;
  const parameters = [...parametersOf(route, about, messages), ...headersOf(route)];
  const content = {
    'application/json': {
      schema: messages.body(rpc.input, body),
      ...(about.body === undefined ? {} : { example: about.body }),
    },
  };
  const data = messages.answer(rpc.output);
  const answers = successes(route).map((status) => [
    status,
    answered(data, status === statusOf(route, about) ? about.data : undefined, route.lastGood),
  ]);
  return {
    operationId: rpc.localName,
    ...common,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body.length === 0 ? {} : { requestBody: { required: required(route, about), content } }),
    responses: { ...(Object.fromEntries(answers) as Json), ...refusals(route) },
  };
}

/** OpenAPI has no word for what goes on: the type tells, and an example. */
function streaming(route: StreamRoute, about: Documented, common: Json, messages: MessageSchemas) {
  const example = `id: confirmed\nevent: status\ndata: ${JSON.stringify(about.data)}\n\n`;
  const content = { 'text/event-stream': { schema: { type: 'string' }, example } };
  const description = 'Events of which each has a thing as it is now, and its status for an id';
  const parameters = [
    ...inPath(route.path, route.streams.input, about, messages),
    { $ref: '#/components/parameters/LastEventId' },
  ];
  return {
    operationId: route.streams.localName,
    ...common,
    parameters,
    responses: { 200: { description, content }, ...refusals(route) },
  };
}

/** Fields of messages that some row lets a client leave out. */
function optionalFields(routes: readonly Route[]): ReadonlySet<string> {
  const fields = routes
    .filter((route): route is RpcRoute => 'rpc' in route)
    .flatMap((route) =>
      (aboutOf(route).optional ?? []).map((path) => fieldAt(route.rpc.input, path)),
    );
  return new Set(fields.map(pathOf));
}

function fieldAt(message: DescMessage, path: string): DescField {
  const [name = '', ...rest] = path.split('.');
  const field = message.fields.find(({ jsonName }) => jsonName === name);
  if (field === undefined) throw new Error(`${message.typeName} has no field ${name}`);
  if (rest.length === 0) return field;
  if (field.message === undefined) throw new Error(`${field.toString()} has no fields`);
  return fieldAt(field.message, rest.join('.'));
}

export function aboutOf({ method, path }: Route): Documented {
  const about = documented[`${method} ${path}`];
  if (about === undefined) throw new Error(`documented.ts tells nothing of ${method} ${path}`);
  return about;
}

function access(who: Who): Json {
  if (who === 'anonymous') return {};
  if (who === 'anyone') return { security: [{}, { token: [] }, { apiKey: [] }] };
  return { description: `For ${who.join(', ')}.`, security: [{ token: [] }, { apiKey: [] }] };
}

function parametersOf({ path, rpc, query }: RpcRoute, about: Documented, messages: MessageSchemas) {
  const inQuery = query.map((name) => ({
    ...{ name, in: 'query', schema: messages.field(fieldAt(rpc.input, name)) },
    example: about.query?.[name],
  }));
  return [...inPath(path, rpc.input, about, messages), ...inQuery];
}

function inPath(path: string, input: DescMessage, about: Documented, messages: MessageSchemas) {
  const service = { type: 'string', enum: [...apps] };
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
    ...{ name, in: 'path', required: true },
    schema: name === 'service' ? service : messages.field(fieldAt(input, name)),
    example: about.params?.[name],
  }));
}

function headersOf({ idempotent, async }: RpcRoute): Json[] {
  return [
    ...(idempotent ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []),
    ...(async ? [{ $ref: '#/components/parameters/Prefer' }] : []),
  ];
}

/** Whether there is a field that has to be given. */
function required({ body }: RpcRoute, { optional = [] }: Documented): boolean {
  return body.some((name) => !optional.includes(name));
}

function successes({ status }: RpcRoute): number[] {
  const codes = typeof status === 'number' ? [status] : Object.values(status.codes);
  return [...new Set(codes)].filter((code) => code < 400);
}

/** The status of the answer that is the example. */
export function statusOf({ status }: RpcRoute, { data }: Documented): number | undefined {
  if (typeof status === 'number') return status;
  return status.codes[String(data?.['status'])];
}

/** What tells that an answer is one of before. */
const STALE = ['X-Cache', 'Age', 'Warning'];

function answered(data: Json, example?: Json, lastGood = false): Json {
  const properties = {
    success: { const: true },
    data,
    requestId: { type: 'string' },
    timestamp: { type: 'string', format: 'date-time' },
  };
  const schema = { type: 'object', properties, required: Object.keys(properties) };
  const whole = { success: true, data: example, requestId: 'req_1', timestamp: TIME };
  return {
    description: 'Done',
    headers: Object.fromEntries(
      Object.keys(HEADERS)
        .filter((name) => lastGood || !STALE.includes(name))
        .map((name) => [name, { $ref: `#/components/headers/${name}` }]),
    ),
    content: {
      'application/json': { schema, ...(example === undefined ? {} : { example: whole }) },
    },
  };
}

const TIME = '2026-01-01T10:00:00.500Z';

const HEADERS = {
  'X-Request-ID': {
    description: "The request's id: the client's own, where it is of the right form",
    schema: { type: 'string' },
  },
  'X-Correlation-ID': {
    description: 'The id of all that the request brings about',
    schema: { type: 'string' },
  },
  'X-Cache': {
    description: 'stale: the service is down, and this is what it answered before',
    schema: { type: 'string' },
  },
  Age: { description: 'Of a stale answer, in seconds', schema: { type: 'integer' } },
  Warning: { description: 'Of a stale answer', schema: { type: 'string' } },
};

const PARAMETERS = {
  LastEventId: {
    name: 'Last-Event-ID',
    in: 'header',
    description: 'The id of the last event that came, to hear only what is new',
    schema: { type: 'string' },
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'The same key of the same user is the same piece of work, however often it is sent',
    schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$' },
  },
  Prefer: {
    name: 'Prefer',
    in: 'header',
    description: 'respond-async: the answer is 202 at once, and the work goes on',
    schema: { type: 'string' },
  },
};

function schemaOf(schema: OwnRoute['answers']): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input' });
  return json;
}
