import { once } from 'node:events';
import { type Message, toJson } from '@bufbuild/protobuf';
import { newCallContext } from '#kit/core/call-context';
import { MicroserviceError } from '#kit/core/errors';
import type { NoPlace } from '#kit/core/concurrency-limit';
import { unauthenticated } from '../auth/principal';
import { openContext } from '../definition';
import type { EdgeState } from '../edge-state';
import { EdgeError } from '../http/errors';
import { readRequest } from '../http/request-reader';
import type { EdgeRequest, EdgeResponse } from '../http/types';
import type { StreamRoute } from '../routes/types';

/** Shorter than the 60 s after which a load balancer closes an idle connection. */
const HEARTBEAT_MS = 15_000;
/** Clients reconnect this long after they lost the stream. */
const RETRY_MS = 1_000;
/** A stream without news is opened after this, unless it has ended by then. */
const OPEN_AFTER_MS = 1_000;

type StreamingClient = Readonly<
  Record<string, (request: Message, ended: AbortSignal) => AsyncIterable<Message>>
>;

/**
 * The last handler of a route that responds with server-sent events. The id of an event is the status
 * of the resource, which it enters only once. A client that reconnects with Last-Event-ID therefore
 * gets the current state only if it differs; if no other state can follow, it gets 204, which tells it
 * not to reconnect (WHATWG HTML, server-sent events).
 */
export function streamHandler(route: StreamRoute, edge: EdgeState, stopping: AbortSignal) {
  return async (request: EdgeRequest, response: EdgeResponse): Promise<void> => {
    const { requestId, correlationId, traceparent, caller, clock } = response.locals;
    const trace = traceparent === undefined ? {} : { traceparent };
    const callContext = newCallContext(clock, { requestId, correlationId, caller, ...trace });
    const message = readRequest({ rpc: route.streams, query: [], body: [] }, request);
    const ended = new AbortController();
    const end = () => {
      ended.abort();
    };
    const close = edge.streams.open(request, response, () => {
      ended.abort(unauthenticated('the session has ended'));
    });
    if (typeof close === 'string') throw tooManyStreams(response, close);
    edge.work.suspend(response);
    response.once('close', end);
    stopping.addEventListener('abort', end);
    let heartbeat: NodeJS.Timeout | undefined;
    let opening: NodeJS.Timeout | undefined;
    let isComplete = false;
    const begin = () => {
      if (response.headersSent) return;
      sendHead(response);
      heartbeat = setInterval(() => {
        // a client that has received nothing since the last heartbeat is gone, or holds up the stream
        if (response.writableNeedDrain) response.destroy();
        else response.write(':\n\n');
      }, HEARTBEAT_MS);
    };
    try {
      // the route's method is a server-streaming method of this service
      const client = openContext(edge.runtime, callContext).client(
        route.app,
        route.streams.parent,
      ) as unknown as StreamingClient;
      const messages = client[route.streams.localName]?.(message, ended.signal) ?? [];
      let last = request.get('last-event-id');
      for await (const each of messages) {
        if (request.method === 'HEAD') {
          sendHead(response);
          break;
        }
        // the JSON of a message is an object
        const { [route.field]: data } = toJson(route.streams.output, each, {
          alwaysEmitImplicit: true,
        }) as Record<string, { status?: string }>;
        const id = data?.status ?? '';
        if (id === last) {
          opening ??= setTimeout(begin, OPEN_AFTER_MS);
          continue;
        }
        begin();
        last = id;
        const text = `id: ${id}\nevent: status\ndata: ${JSON.stringify(data)}\n\n`;
        if (!response.write(text)) await once(response, 'drain', { signal: ended.signal });
      }
      isComplete = opening !== undefined && !ended.signal.aborted;
    } catch (error) {
      // once the head is sent, an error can only end the stream; the client reconnects
      if (!response.headersSent && !ended.signal.aborted) throw error;
    } finally {
      clearInterval(heartbeat);
      clearTimeout(opening);
      close();
      stopping.removeEventListener('abort', end);
      ended.abort();
    }
    if (!response.headersSent && !isComplete) {
      // the reason is that of the first abort
      const { reason } = ended.signal as { reason: unknown };
      if (reason instanceof MicroserviceError) throw reason;
      throw new EdgeError(503, 'the gateway is shutting down, try again later');
    }
    if (isComplete && !response.headersSent) response.status(204);
    response.end();
  };
}

function sendHead(response: EdgeResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    // a proxy must not compress or buffer the stream, which would delay events
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  });
  response.write(`retry: ${RETRY_MS}\n\n`);
}

function tooManyStreams(response: EdgeResponse, why: NoPlace): EdgeError {
  response.set('retry-after', '5');
  return why === 'client'
    ? new EdgeError(429, 'too many open event streams: close one, or try again later')
    : new EdgeError(503, 'too many clients have open event streams, try again later');
}
