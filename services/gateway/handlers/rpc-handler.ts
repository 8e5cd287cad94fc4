import { type JsonValue, type Message, toJson } from '@bufbuild/protobuf';
import type { Caller } from '#kit/core/caller';
import { type CallContext, newCallContext } from '#kit/core/call-context';
import { deterministicId } from '#kit/core/deterministic-id';
import { EdgeError } from '../http/errors';
import { type EdgeRequest, type EdgeResponse, sendData, sendRefusal } from '../http/types';
import { idempotencyKeyOf, prefersAsync } from '../http/headers';
import { readRequest } from '../http/request-reader';
import type { EdgeState } from '../edge-state';
import type { ByStatus, OwnRoute, RpcRoute } from '../routes/types';
import { apps, openContext } from '../definition';

/** The last handler of a route: makes the call of its row, and answers with what comes back. */
export function answer(route: RpcRoute | OwnRoute, gateway: EdgeState) {
  return async (request: EdgeRequest, response: EdgeResponse): Promise<void> => {
    if ('own' in route) {
      sendData(response, 200, await route.own(gateway));
      return;
    }
    const app = route.app === ':service' ? appIn(request) : route.app;
    const context = openContext(gateway.runtime, causeOf(route, request, response));
    const message = readRequest(route, request);
    const call = async () => {
      if (gateway.health.isOut(app)) {
        response.set('retry-after', '1');
        throw new EdgeError(503, 'a service that this needs is down', { service: app });
      }
      // a row's method is one of this very service, and unary
      const client = context.client(app, route.rpc.parent) as unknown as Calls;
      try {
        const answered = await client[route.rpc.localName]?.(message);
        if (answered === undefined) throw new Error(`${route.rpc.toString()} cannot be called`);
        gateway.health.saw(app);
        return answered;
      } catch (error) {
        gateway.health.saw(app, error);
        throw error;
      }
    };
    const { answered, age } = route.lastGood
      ? await gateway.lastGood.orKept(route.rpc, context.caller.tenantId, message, call)
      : { answered: await call() };
    if (age !== undefined) setStale(response, age);
    if (route.signsOut) gateway.endedSessions.expire();
    const json = toJson(route.rpc.output, answered, { alwaysEmitImplicit: true });
    if (typeof route.status === 'number') sendData(response, route.status, json);
    else sendByStatus(response, route.status, json);
  };
}

function setStale(response: EdgeResponse, age: number): void {
  response.removeHeader('retry-after');
  response.set({ 'x-cache': 'stale', age: String(age), warning: '110 - "Response is Stale"' });
}

type Calls = Readonly<Record<string, (request: Message) => Promise<Message>>>;

function appIn({ params }: EdgeRequest): string {
  const { service = '' } = params;
  if (!apps.has(service)) throw new EdgeError(404, 'service not found');
  return service;
}

function causeOf(route: RpcRoute, request: EdgeRequest, { locals }: EdgeResponse): CallContext {
  const { requestId, correlationId, traceparent, caller, clock } = locals;
  const key = route.idempotent ? idempotencyKeyOf(request.headers) : undefined;
  return newCallContext(clock, {
    ...(key === undefined
      ? {}
      : { id: workOf(route, request, caller, key), hasIdempotencyKey: true }),
    ...(traceparent === undefined ? {} : { traceparent }),
    requestId,
    correlationId,
    caller,
    respondAsync: route.async && prefersAsync(request.headers),
    forwardedFor: request.ip ?? '',
  });
}

/** What is asked under a key: the same key on another thing is another piece of work. */
function workOf(route: RpcRoute, { params }: EdgeRequest, caller: Caller, key: string): string {
  const { tenantId, userId } = caller;
  return deterministicId(tenantId, userId, route.method, route.path, ...Object.values(params), key);
}

function sendByStatus(response: EdgeResponse, { codes, refusal }: ByStatus, json: JsonValue): void {
  // an answer is a message, so its JSON is an object
  const told = json as Readonly<Record<string, JsonValue>>;
  const state = typeof told['status'] === 'string' ? told['status'] : '';
  const status = codes[state];
  if (status === undefined) throw new Error(`there is no status for ${state}`);
  if (status < 400) {
    sendData(response, status, json);
    return;
  }
  const { error = '', details = [] } = refusal ?? {};
  sendRefusal(response, {
    statusCode: status,
    error,
    details: Object.fromEntries(details.map((name) => [name, told[name]])),
  });
}
