import {
  type DescMessage,
  type DescMethodUnary,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { hash } from 'node:crypto';
import { type CallContext, newCallContext } from '#kit/core/call-context';
import type { Caller } from '#kit/core/caller';
import { deterministicId } from '#kit/core/deterministic-id';
import { MicroserviceError } from '#kit/core/errors';
import { PRECONDITION_FAILED, type Precondition, preconditionFailed } from '#kit/core/precondition';
import { apps, openContext } from '../definition';
import type { EdgeState } from '../edge-state';
import { type Conditions, conditionsOf, preconditionOf } from '../http/conditions';
import { entityTagOf, formatTag } from '../http/entity-tag';
import { EdgeError } from '../http/errors';
import { idempotencyKeyOf, prefersAsync } from '../http/headers';
import { readRequest } from '../http/request-reader';
import { sendData, sendError } from '../http/responses';
import type { EdgeRequest, EdgeResponse } from '../http/types';
import type { RpcRoute, StatusMapping } from '../routes/types';

/** The last handler of a route: calls the method of the route and sends its response as JSON. */
export function rpcHandler(route: RpcRoute, edge: EdgeState) {
  return async (request: EdgeRequest, response: EdgeResponse): Promise<void> => {
    const app = route.app === ':service' ? appIn(request) : route.app;
    const conditions = conditionsOf(request.headers);
    const message = readRequest(route, request);
    const callContext = callContextOf(route, request, response, message);
    const precondition = preconditionFor(route, conditions);
    const call = () =>
      callService(edge, response, app, route.rpc, message, {
        ...callContext,
        ...(precondition && { precondition }),
      });
    const { message: result, age } = route.staleIfError
      ? await edge.staleCache.fetch(route.rpc, callContext.caller.tenantId, message, call)
      : { message: await call().catch(failed) };
    if (age !== undefined) setStaleHeaders(response, age);
    if (route.endsSession) edge.revokedSessions.invalidate();
    if (route.audit !== undefined) response.locals.facts = route.audit(result);
    const json = toJson(route.rpc.output, result, { alwaysEmitImplicit: true });
    if (typeof route.status === 'number') sendData(response, route.status, json, conditions);
    else sendByStatus(response, route.status, json, conditions);

    /** Throws the error; a failed precondition with the present ETag of the resource. */
    async function failed(error: unknown): Promise<never> {
      const { resource } = route;
      const isChanged =
        error instanceof MicroserviceError && error.details.reason === PRECONDITION_FAILED;
      if (resource === undefined || !isChanged) throw error;
      try {
        const read = { ...callContext, hasIdempotencyKey: false };
        const asked = sharedFields(reflect(route.rpc.input, message), resource.input);
        const present = await callService(edge, response, app, resource, asked, read);
        response.set('etag', tagOf(resource, present));
      } catch {
        // it does not exist, or its owner cannot be reached: the client can read it later
      }
      throw error;
    }
  };
}

/** Calls a method of a service, and records whether that is available. */
async function callService(
  edge: EdgeState,
  response: EdgeResponse,
  app: string,
  method: DescMethodUnary,
  message: Message,
  callContext: CallContext,
): Promise<Message> {
  if (edge.health.isDown(app)) {
    response.set('retry-after', '1');
    throw new EdgeError(503, 'a required service is down', { service: app });
  }
  const context = openContext(edge.runtime, callContext);
  // the method is a unary method of this service
  const client = context.client(app, method.parent) as unknown as UnaryClient;
  try {
    const result = await client[method.localName]?.(message);
    if (result === undefined) throw new Error(`${method.toString()} cannot be called`);
    edge.health.recordCall(app);
    return result;
  } catch (error) {
    edge.health.recordCall(app, error);
    throw error;
  }
}

/**
 * The client's condition for the owner of the resource that a route changes. Throws 412 if a route without
 * such a resource gets If-Match: nothing has the version that the client means (RFC 9110, section 13.1.1).
 */
function preconditionFor(
  { method, resource }: RpcRoute,
  conditions: Conditions,
): Precondition | undefined {
  if (method === 'GET') return undefined;
  if (resource !== undefined) return preconditionOf(conditions);
  if (conditions.match !== undefined) throw preconditionFailed('if-match');
  return undefined;
}

/** The ETag of a resource as its method returns it. */
function tagOf({ output }: DescMethodUnary, message: Message): string {
  // the JSON of a message is an object, in which a time is a text
  const json = toJson(output, message, { alwaysEmitImplicit: true }) as { updatedAt?: string };
  return formatTag(entityTagOf(JSON.stringify(json), json.updatedAt, 'identity'));
}

/** A message with the fields that it has in common with another one. */
function sharedFields(from: ReflectMessage, desc: DescMessage): Message {
  const message = reflect(desc);
  for (const field of message.fields) {
    const known = from.fields.find(({ name }) => name === field.name);
    if (known !== undefined && from.isSet(known)) message.set(field, from.get(known));
  }
  return message.message;
}

type UnaryClient = Readonly<Record<string, (request: Message) => Promise<Message>>>;

/** Headers of a response from the stale cache, whose age is in seconds. */
function setStaleHeaders(response: EdgeResponse, age: number): void {
  response.removeHeader('retry-after');
  response.set({ 'x-cache': 'stale', age: String(age), warning: '110 - "Response is Stale"' });
}

/** The app that the path names with `:service`. */
function appIn({ params }: EdgeRequest): string {
  const { service = '' } = params;
  if (!apps.has(service)) throw new EdgeError(404, 'service not found');
  return service;
}

function callContextOf(
  route: RpcRoute,
  request: EdgeRequest,
  { locals }: EdgeResponse,
  message: Message,
): CallContext {
  const { requestId, correlationId, traceparent, caller, clock } = locals;
  const key = route.idempotent ? idempotencyKeyOf(request.headers) : undefined;
  return newCallContext(clock, {
    ...(key === undefined
      ? {}
      : { id: idOf(route, request, caller, key, message), hasIdempotencyKey: true }),
    ...(traceparent === undefined ? {} : { traceparent }),
    requestId,
    correlationId,
    caller,
    respondAsync: route.async && prefersAsync(request.headers),
    forwardedFor: request.ip ?? '',
  });
}

/**
 * The id of a call under an Idempotency-Key: one for each user, route, path parameters and key. A key of
 * an anonymous client counts only together with its request, which contains a secret (see the test of the
 * table of routes): a stranger who uses the same key neither gets the response nor takes the key. It is not
 * bound to the address, as a client that lost a response may retry from another network.
 */
function idOf(
  route: RpcRoute,
  { params }: EdgeRequest,
  { tenantId, userId }: Caller,
  key: string,
  message: Message,
): string {
  const parts = [tenantId, userId, route.method, route.path, ...Object.values(params), key];
  if (userId !== '') return deterministicId(...parts);
  const content = hash('sha256', toBinary(route.rpc.input, message), 'base64url');
  return deterministicId(...parts, content);
}

function sendByStatus(
  response: EdgeResponse,
  { codes, refusal }: StatusMapping,
  json: JsonValue,
  conditions: Conditions,
): void {
  // the JSON of a message is an object
  const data = json as Readonly<Record<string, JsonValue>>;
  const state = typeof data['status'] === 'string' ? data['status'] : '';
  const statusCode = codes[state];
  if (statusCode === undefined) throw new Error(`the route has no HTTP status for ${state}`);
  if (statusCode < 400) {
    sendData(response, statusCode, json, conditions);
    return;
  }
  const { error = '', details = [] } = refusal ?? {};
  sendError(response, {
    statusCode,
    error,
    details: Object.fromEntries(details.map((name) => [name, data[name]])),
  });
}
