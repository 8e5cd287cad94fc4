import { type JsonValue, type Message, toBinary, toJson } from '@bufbuild/protobuf';
import { hash } from 'node:crypto';
import { type CallContext, newCallContext } from '#kit/core/call-context';
import type { Caller } from '#kit/core/caller';
import { deterministicId } from '#kit/core/deterministic-id';
import { apps, openContext } from '../definition';
import type { EdgeState } from '../edge-state';
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
    const message = readRequest(route, request);
    const context = openContext(edge.runtime, callContextOf(route, request, response, message));
    const call = async () => {
      if (edge.health.isDown(app)) {
        response.set('retry-after', '1');
        throw new EdgeError(503, 'a required service is down', { service: app });
      }
      // the route's method is a unary method of this service
      const client = context.client(app, route.rpc.parent) as unknown as UnaryClient;
      try {
        const result = await client[route.rpc.localName]?.(message);
        if (result === undefined) throw new Error(`${route.rpc.toString()} cannot be called`);
        edge.health.recordCall(app);
        return result;
      } catch (error) {
        edge.health.recordCall(app, error);
        throw error;
      }
    };
    const { message: result, age } = route.staleIfError
      ? await edge.staleCache.fetch(route.rpc, context.caller.tenantId, message, call)
      : { message: await call() };
    if (age !== undefined) setStaleHeaders(response, age);
    if (route.endsSession) edge.revokedSessions.invalidate();
    if (route.audit !== undefined) response.locals.facts = route.audit(result);
    const json = toJson(route.rpc.output, result, { alwaysEmitImplicit: true });
    if (typeof route.status === 'number') sendData(response, route.status, json);
    else sendByStatus(response, route.status, json);
  };
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
): void {
  // the JSON of a message is an object
  const data = json as Readonly<Record<string, JsonValue>>;
  const state = typeof data['status'] === 'string' ? data['status'] : '';
  const statusCode = codes[state];
  if (statusCode === undefined) throw new Error(`the route has no HTTP status for ${state}`);
  if (statusCode < 400) {
    sendData(response, statusCode, json);
    return;
  }
  const { error = '', details = [] } = refusal ?? {};
  sendError(response, {
    statusCode,
    error,
    details: Object.fromEntries(details.map((name) => [name, data[name]])),
  });
}
