import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { z } from 'zod';
import { type Documented, documented } from './examples/examples';
import { HEADERS, PARAMETERS, headersOfAnswer, isConditional, parametersInHead } from './headers';
import { type Json, MessageSchemas, pathOf } from './messages';
import { PROBLEM, REFUSAL, refusals, responses } from './refusals';
import type { OwnRoute, Route, RpcRoute, StreamRoute, Who } from '../routes/types';
import { apps } from '../definition';

/** What holds for all routes alike, and what OpenAPI has no place for. */
const DESCRIPTION = [
  'Written by `npm run docs` from the routes of the gateway.',
  'A request may bring its own id (`X-Request-ID`, 1 to 64 letters, digits, `_` or `-`), that of what',
  'it belongs to (`X-Correlation-ID`, alike) and a `traceparent`; every answer tells both ids.',
  'What is refused is refused in one form, by name where a field is at fault; `Accept:',
  'application/problem+json` gets it as RFC 9457 has it.',
  'An answer may have fields that are not listed here: ignore them.',
  '',
  'HEAD is answered as GET is, without the body, and OPTIONS with 204 and the methods of the path in',
  '`Allow`. Any other method of a path is refused with 405, as `MethodNotAllowed` below, and any other',
  'path with 404. What is no HTTP that can be read is refused without a body: 400, 408 where it comes',
  'too slowly, 417 for an unknown `Expect`, 431 where its head is too large.',
].join('\n');

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
      description: DESCRIPTION,
    },
    servers: [{ url: base }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
      schemas: { Refusal: REFUSAL, Problem: PROBLEM, ...messages.schemas },
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
    return {
      operationId: route.own.name,
      ...common,
      parameters: parametersInHead(route),
      responses: {
        200: answered(route, schemaOf(answers)),
        ...unchanged(route),
        ...refusals(route),
      },
    };
  }
  if ('streams' in route) return streaming(route, about, common, messages);
  const { rpc, body } = route;
  const parameters = [...parametersOf(route, about, messages), ...parametersInHead(route)];
  const content = {
    'application/json': {
      schema: messages.body(rpc.input, body),
      ...(about.body === undefined ? {} : { example: about.body }),
    },
  };
  const data = messages.answer(rpc.output);
  const answers = successes(route).map((status) => [
    status,
    answered(route, data, status === statusOf(route, about) ? about.data : undefined),
  ]);
  return {
    operationId: rpc.localName,
    ...common,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body.length === 0 ? {} : { requestBody: { required: required(route, about), content } }),
    responses: {
      ...(Object.fromEntries(answers) as Json),
      ...unchanged(route),
      ...refusals(route),
    },
  };
}

/** OpenAPI has no word for what goes on: the type tells, and an example. */
function streaming(route: StreamRoute, about: Documented, common: Json, messages: MessageSchemas) {
  const example = `id: confirmed\nevent: status\ndata: ${JSON.stringify(about.data)}\n\n`;
  const content = { 'text/event-stream': { schema: { type: 'string' }, example } };
  const description = 'Events of which each has a thing as it is now, and its status for an id';
  const parameters = [
    ...inPath(route.path, route.streams.input, about, messages),
    ...parametersInHead(route),
  ];
  return {
    operationId: route.streams.localName,
    ...common,
    parameters,
    responses: {
      200: { description, headers: headersOfAnswer(route), content },
      204: {
        description: 'Nothing can follow the event of Last-Event-ID: there is nothing to ask for',
        headers: headersOfAnswer(route),
      },
      ...refusals(route),
    },
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

function answered(route: Route, data: Json, example?: Json): Json {
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
    headers: headersOfAnswer(route),
    content: {
      'application/json': { schema, ...(example === undefined ? {} : { example: whole }) },
    },
  };
}

/** The answer to who has what would be answered. */
function unchanged(route: Route): Json {
  if (!isConditional(route)) return {};
  const description = 'What is known by the ETag of If-None-Match still holds';
  return { 304: { description, headers: headersOfAnswer(route) } };
}

const TIME = '2026-01-01T10:00:00.500Z';

function schemaOf(schema: OwnRoute['answers']): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input' });
  return json;
}
