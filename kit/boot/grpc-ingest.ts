import { once } from 'node:events';
import { type DescMethodBiDiStreaming, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { clientNetwork, isIn } from '../core/client-address';
import { Code, MicroserviceError } from '../core/errors';
import type { ServiceRuntime } from '../runtime/service-runtime';
import { StreamLimits, type StreamSlot } from './stream-limits';

type Message = ReturnType<typeof create>;
type Stream = ServerDuplexStream<Message, Message>;

/** The messages of one client that are handled concurrently. Until one is done, no more are read from it. */
const MAX_CONCURRENT = 16;
/** The largest message. */
const MAX_MESSAGE_BYTES = 128 * 1024;
/** The time for a client to authenticate; then its stream ends. */
const AUTHENTICATION_MS = 5_000;
/** A connection without a stream is closed after this time. */
const IDLE_MS = 10_000;
/** Between two pings of a connection, which find the clients that are gone. */
const PING_MS = 30_000;

export interface IngestServer {
  readonly port: number;
  close(): void;
}

export interface IngestOptions {
  /** Addresses and networks of proxies whose `x-forwarded-for` is believed. */
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<ConstructorParameters<typeof StreamLimits>[1]>;
  readonly authenticationMs?: number;
}

/**
 * Starts the port on which external clients send a stream of messages; each message gets a response. No
 * sidecar is in front of it, so the service authenticates each stream: see Service.onIngest. The streams
 * of an address are limited, those that are not authenticated also in time: see StreamLimits.
 *
 * If a message has to be sent again, the stream ends with the status of the error, and the client sends
 * every message again that got no response. Rejects if the port is taken.
 */
export async function startIngest(
  runtime: ServiceRuntime,
  address: string,
  port: number,
  options: IngestOptions = {},
): Promise<IngestServer> {
  const { ingest } = runtime.service;
  if (ingest === undefined) throw new Error(`${runtime.service.name} has no ingest handler`);
  const { method } = ingest;
  const { trustedProxies = [], authenticationMs = AUTHENTICATION_MS } = options;
  const limits = new StreamLimits(runtime.clock, options.limits);
  const isProxy = isIn(trustedProxies);
  const server = new Server({
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_connection_idle_ms': IDLE_MS,
    'grpc.keepalive_time_ms': PING_MS,
  });
  server.addService(
    { [method.localName]: definitionOf(method) },
    {
      [method.localName]: (stream: Stream) => {
        const client = clientAddress(stream, isProxy);
        const slot = limits.take(client);
        if (typeof slot === 'string') {
          runtime.metrics.ingestRefused.inc({ reason: slot });
          stream.emit('error', { code: Code.RESOURCE_EXHAUSTED, details: slot });
          return;
        }
        void handleAll(stream, runtime, method, slot, authenticationMs);
      },
    },
  );
  const boundPort = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync(`${address}:${String(port)}`, credentials, (error, listening) => {
      if (error === null) resolve(listening);
      else reject(error);
    });
  });
  return {
    port: boundPort,
    close: () => {
      server.forceShutdown();
    },
  };
}

/** The address of a client, which a trusted proxy names. */
function clientAddress(stream: Stream, isProxy: (address: string) => boolean): string {
  const peer = stream
    .getPeer()
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');
  const forwarded = stream.metadata
    .get('x-forwarded-for')
    .flatMap((value) => String(value).split(','))
    .map((value) => value.trim());
  const hops = [...forwarded, peer];
  // each proxy appends the address that called it, so the last one that is no proxy is the client
  return clientNetwork(hops.findLast((hop) => !isProxy(hop)) ?? peer);
}

/** Handles the messages of one client, and writes the responses as they are ready. */
async function handleAll(
  stream: Stream,
  runtime: ServiceRuntime,
  method: DescMethodBiDiStreaming,
  slot: StreamSlot,
  authenticationMs: number,
): Promise<void> {
  const closed = new AbortController();
  stream.once('cancelled', () => {
    closed.abort();
  });
  stream.once('close', () => {
    closed.abort();
  });
  const write = (message: object) => {
    if (!closed.signal.aborted) stream.write(create(method.output, { ...message }));
  };
  let failed = false;
  // only once: the error also ends the loop that reads the stream
  const fail = (error: unknown) => {
    if (failed || closed.signal.aborted) return;
    failed = true;
    const { code, message } =
      error instanceof MicroserviceError
        ? error
        : { code: Code.INTERNAL, message: 'internal error' };
    if (code === Code.UNAUTHENTICATED && !slot.isAuthenticated) {
      slot.countFailure();
      runtime.metrics.ingestRefused.inc({ reason: 'unauthenticated' });
    }
    stream.emit('error', { code, details: message });
  };
  const deadline = setTimeout(() => {
    fail(new MicroserviceError('not authenticated in time', Code.UNAUTHENTICATED));
  }, authenticationMs);
  const release = () => {
    clearTimeout(deadline);
    slot.release();
  };
  closed.signal.addEventListener('abort', release);
  const connection = {
    write,
    authenticate: () => {
      clearTimeout(deadline);
      slot.authenticate();
    },
    end: fail,
    closed: closed.signal,
  };
  const running = new Set<Promise<void>>();
  try {
    runtime.service.ingest?.open(connection);
    for await (const request of stream) {
      const work = runtime.handleIngest(request as Message, connection).then(write, fail);
      running.add(work);
      void work.finally(() => running.delete(work));
      // what a client sends behind its authentication waits for it
      if (!slot.isAuthenticated) await work;
      if (running.size >= MAX_CONCURRENT) await Promise.race(running);
      if (stream.writableNeedDrain) await once(stream, 'drain', { signal: closed.signal });
    }
    await Promise.all(running);
    stream.end();
  } catch (error) {
    fail(error);
  } finally {
    release();
  }
}

function definitionOf(method: DescMethodBiDiStreaming) {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: (message: Message) => Buffer.from(toBinary(method.input, message)),
    requestDeserialize: (bytes: Buffer) => fromBinary(method.input, bytes),
    responseSerialize: (message: Message) => Buffer.from(toBinary(method.output, message)),
    responseDeserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
  };
}
