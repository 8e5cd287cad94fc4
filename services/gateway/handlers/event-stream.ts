import { once } from 'node:events';
import { type Message, toJson } from '@bufbuild/protobuf';
import { newCallContext } from '#kit/core/call-context';
import { EdgeError } from '../http/errors';
import type { EdgeRequest, EdgeResponse } from '../http/types';
import { readRequest } from '../http/request-reader';
import type { EdgeState } from '../edge-state';
import type { StreamRoute } from '../routes/types';
import { openContext as contextOf } from '../definition';

/** Each holds a connection and a stream through two sidecars. */
const MOST_STREAMS = 500;
/** Of one user: a page in every tab, and nobody takes them all. */
const MOST_EACH = 20;
/** More often than the 60 s after which a load balancer takes a silent connection for dead. */
const HEARTBEAT_MS = 15_000;
/** After which a client that has lost its stream asks for it again. */
const RETRY_MS = 1_000;
/** What has nothing to tell yet begins within this, unless it is over. */
const BEGIN_MS = 1_000;

type Streams = Readonly<
  Record<string, (request: Message, ended: AbortSignal) => AsyncIterable<Message>>
>;

/**
 * The last handler of a route that goes on: tells what comes as server-sent events. An event's id
 * is its state, which a thing is in once only; so whoever comes back with the id of the last one
 * hears how it is now, if that is another; and where nothing can follow that one, is answered 204, by
 * which a client knows not to ask again.
 */
export function stream(route: StreamRoute, gateway: EdgeState, stopping: AbortSignal) {
  const listening = new Map<string, number>();
  return async (request: EdgeRequest, response: EdgeResponse): Promise<void> => {
    const { requestId, correlationId, traceparent, caller, clock } = response.locals;
    const who = `${caller.tenantId} ${caller.userId}`;
    const own = listening.get(who) ?? 0;
    if (gateway.streams >= MOST_STREAMS) throw tooMany(response, 503);
    if (own >= MOST_EACH) throw tooMany(response, 429);
    const trace = traceparent === undefined ? {} : { traceparent };
    const callContext = newCallContext(clock, { requestId, correlationId, caller, ...trace });
    const message = readRequest({ rpc: route.streams, query: [], body: [] }, request);
    const gone = new AbortController();
    const end = () => {
      gone.abort();
    };
    response.once('close', end);
    stopping.addEventListener('abort', end);
    gateway.streams++;
    listening.set(who, own + 1);
    let heartbeat: NodeJS.Timeout | undefined;
    let waiting: NodeJS.Timeout | undefined;
    let isOver = false;
    const begin = () => {
      if (response.headersSent) return;
      open(response);
      heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_MS);
    };
    try {
      // a row's method is one of this very service, and a stream
      const client = contextOf(gateway.runtime, callContext).client(
        route.app,
        route.streams.parent,
      ) as unknown as Streams;
      const messages = client[route.streams.localName]?.(message, gone.signal) ?? [];
      let last = request.get('last-event-id');
      for await (const each of messages) {
        if (request.method === 'HEAD') {
          open(response);
          break;
        }
        // a message's JSON is an object
        const { [route.tells]: data } = toJson(route.streams.output, each, {
          alwaysEmitImplicit: true,
        }) as Record<string, { status?: string }>;
        const id = data?.status ?? '';
        if (id === last) {
          waiting ??= setTimeout(begin, BEGIN_MS);
          continue;
        }
        begin();
        last = id;
        const text = `id: ${id}\nevent: status\ndata: ${JSON.stringify(data)}\n\n`;
        if (!response.write(text)) await once(response, 'drain', { signal: gone.signal });
      }
      isOver = waiting !== undefined && !gone.signal.aborted;
    } catch (error) {
      // it has begun, so all that can be told is that it is over; the client asks again
      if (!response.headersSent && !gone.signal.aborted) throw error;
    } finally {
      clearInterval(heartbeat);
      clearTimeout(waiting);
      gateway.streams--;
      leave(listening, who);
      stopping.removeEventListener('abort', end);
      gone.abort();
    }
    if (!response.headersSent && !isOver) throw new EdgeError(503, 'the gateway is stopping');
    if (isOver && !response.headersSent) response.status(204);
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

function leave(listening: Map<string, number>, who: string): void {
  const left = (listening.get(who) ?? 1) - 1;
  if (left > 0) listening.set(who, left);
  else listening.delete(who);
}

function tooMany(response: EdgeResponse, status: 429 | 503): EdgeError {
  response.set('retry-after', '5');
  const who = status === 429 ? 'you listen too often' : 'too many listen';
  return new EdgeError(status, `${who} at the moment, try again later`);
}
