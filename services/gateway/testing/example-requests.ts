import { type JsonValue, type Message, fromJson } from '@bufbuild/protobuf';
import type { CallRequest } from '#kit/transport/sidecar';
import { exampleOf } from '../openapi/document';
import { BASE, routes } from '../routes/table';
import type { Route, RpcRoute, StreamRoute } from '../routes/types';
import type { Calls, Edge } from './edge';

/** Routes that call a method with one response. */
export const rpcRoutes = routes.filter((route): route is RpcRoute => 'rpc' in route);

/** The name of a route in test reports, and the key of its example. */
export const nameOf = ({ method, path }: Route) => `${method} ${path}`;

/** Rows of `it.each`: the name of each route, and the route. */
export const named = <R extends Route>(some: readonly R[]) =>
  some.map((route) => [nameOf(route), route] as const);

/** The example of a route as a request: its path with the query, and its body. */
export function exampleRequest(route: Route) {
  const { params = {}, query = {}, body } = exampleOf(route);
  const path = route.path.replace(/:(\w+)/g, (_, name: string) => params[name] ?? '');
  const texts = Object.entries(query).map(([name, value]) => [name, String(value)]);
  const search = texts.length === 0 ? '' : `?${new URLSearchParams(texts).toString()}`;
  return { path: BASE + path + search, body };
}

/** The message that a service must receive for the example, read by protobuf's own JSON reader. */
export function exampleMessage(route: RpcRoute): Message {
  const { params = {}, query, body } = exampleOf(route);
  const { service: _, ...fields } = params;
  const hasMask = route.rpc.input.fields.some(({ jsonName }) => jsonName === 'updateMask');
  const mask = hasMask ? { updateMask: Object.keys(body ?? {}).join() } : {};
  return fromJson(route.rpc.input, { ...fields, ...query, ...body, ...mask });
}

/** The message that a service responds with in the example. */
export function exampleResponse(route: RpcRoute | StreamRoute): Message {
  // examples are JSON
  const data = exampleOf(route).data as JsonValue;
  if ('rpc' in route) return fromJson(route.rpc.output, data);
  return fromJson(route.streams.output, { [route.field]: data });
}

/** The app that the example of a route calls. */
export const appOf = ({ app }: RpcRoute | StreamRoute) => (app === ':service' ? 'order' : app);

/**
 * Fakes that respond to each call with the example of its route; `respond` may also record the call,
 * throw, or respond with something else. Each service answers health probes with `getStatus`.
 */
export function exampleCalls(
  respond: (route: RpcRoute | StreamRoute, request: CallRequest) => object = exampleResponse,
  getStatus: () => object = () => ({ ready: true, version: '1' }),
): Calls {
  const calls: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    if ('handle' in route) continue;
    const ofApp = (calls[appOf(route)] ??= { getStatus });
    if ('rpc' in route) {
      ofApp[route.rpc.localName] = (_: Message, request: CallRequest) => respond(route, request);
    } else {
      ofApp[route.streams.localName] = async function* (_: Message, request: CallRequest) {
        yield respond(route, request);
      };
    }
  }
  // the type of the fakes is derived from the same descriptors as the table
  return calls;
}

/** A token with a role that may use the route, or none if the route is public. */
export async function tokenFor(edge: Edge, { access }: Route): Promise<string | undefined> {
  return typeof access === 'string' ? undefined : edge.token({ role: access.at(-1) });
}
