import { once } from 'node:events';
import { type Message, toJson } from '@bufbuild/protobuf';
import { newCause } from '#kit/handling';
import { EdgeError } from './errors';
import type { EdgeRequest, EdgeResponse } from './exchange';
import { readRequest } from './json';
import type { Gateway } from './own-answers';
import type { StreamRoute } from './route';
import { begin } from './service';

/** Each holds a connection and a stream through two sidecars. */
const MOST_STREAMS = 500;
/** More often than the 60 s after which a load balancer takes a silent connection for dead. */
const HEARTBEAT_MS = 15_000;
/** After which a client that has lost its stream asks for it again. */
const RETRY_MS = 1_000;

type Streams = Readonly<
  Record<string, (request: Message, ended: AbortSignal) => AsyncIterable<Message>>
>;

/**
 * The last handler of a route that goes on: tells what comes as server-sent events. An event's id
 * is its state, which a thing is in once only; so whoever comes back with the id of the last one
 * hears how it is now, if that is another.
 */
export function stream(route: StreamRoute, gateway: Gateway, stopping: AbortSignal) {
  return async (request: EdgeRequest, response: EdgeResponse): Promise<void> => {
    if (gateway.streams >= MOST_STREAMS) throw tooMany(response);
    const { requestId, correlationId, traceparent, caller, clock } = response.locals;
    const trace = traceparent === undefined ? {} : { traceparent };
    const cause = newCause(clock, { requestId, correlationId, caller, ...trace });
    const message = readRequest({ rpc: route.streams, query: [], body: [] }, request);
    const gone = new AbortController();
    const end = () => {
      gone.abort();
    };
    response.once('close', end);
    stopping.addEventListener('abort', end);
    gateway.streams++;
    let heartbeat: NodeJS.Timeout | undefined;
    try {
      // a row's method is one of this very service, and a stream
      const client = begin(gateway.host, cause).client(
        route.app,
        route.streams.parent,
      ) as unknown as Streams;
      const messages = client[route.streams.localName]?.(message, gone.signal) ?? [];
      let last = request.get('last-event-id');
      for await (const each of messages) {
        if (!response.headersSent) {
          open(response);
          if (request.method === 'HEAD') break;
          heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_MS);
        }
        // a message's JSON is an object
        const { [route.tells]: data } = toJson(route.streams.output, each, {
          alwaysEmitImplicit: true,
        }) as Record<string, { status?: string }>;
        const id = data?.status ?? '';
        if (id === last) continue;
        last = id;
        const text = `id: ${id}\nevent: status\ndata: ${JSON.stringify(data)}\n\n`;
        if (!response.write(text)) await once(response, 'drain', { signal: gone.signal });
      }
    } catch (error) {
      // it has begun, so all that can be told is that it is over; the client asks again
      if (!response.headersSent && !gone.signal.aborted) throw error;
    } finally {
      clearInterval(heartbeat);
      gateway.streams--;
      stopping.removeEventListener('abort', end);
      gone.abort();
    }
    if (!response.headersSent) throw new EdgeError(503, 'the gateway is stopping');
    response.end();
  };
}

function open(response: EdgeResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    // a proxy on the way that packs or gathers it would hold it back
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  });
  response.write(`retry: ${RETRY_MS}\n\n`);
}

function tooMany(response: EdgeResponse): EdgeError {
  response.set('retry-after', '5');
  return new EdgeError(503, 'too many listen at the moment, try again later');
}
