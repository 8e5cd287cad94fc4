import { once } from 'node:events';
import { type DescMethodBiDiStreaming, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { Code, MicroserviceError } from '../core/errors';
import type { ServiceRuntime } from '../runtime/service-runtime';

type Message = ReturnType<typeof create>;
type Stream = ServerDuplexStream<Message, Message>;

/**
 * The messages of one client that are handled concurrently. Until one is done, no more are read
 * from it.
 */
const MAX_CONCURRENT = 16;
/** The largest message. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

export interface IngestServer {
  readonly port: number;
  close(): void;
}

/**
 * Starts the port on which external clients send a stream of messages; each message gets a response. No
 * sidecar is in front of it and clients are not authenticated: each message has to prove its sender.
 *
 * If a message has to be sent again, the stream ends with the status of the error, and the client sends
 * every message again that got no response. Rejects if the port is taken.
 */
export async function startIngest(
  runtime: ServiceRuntime,
  address: string,
  port: number,
): Promise<IngestServer> {
  const { ingest } = runtime.service;
  if (ingest === undefined) throw new Error(`${runtime.service.name} has no ingest handler`);
  const { method } = ingest;
  const server = new Server({
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  });
  server.addService(
    { [method.localName]: definitionOf(method) },
    {
      [method.localName]: (stream: Stream) => {
        void handleAll(stream, runtime, method);
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

/** Handles the messages of one client, and writes the responses as they are ready. */
async function handleAll(
  stream: Stream,
  runtime: ServiceRuntime,
  method: DescMethodBiDiStreaming,
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
  const connection = { write, closed: closed.signal };
  let failed = false;
  // only once: the error also ends the loop that reads the stream
  const fail = (error: unknown) => {
    if (failed || closed.signal.aborted) return;
    failed = true;
    const { code, message } =
      error instanceof MicroserviceError
        ? error
        : { code: Code.INTERNAL, message: 'internal error' };
    stream.emit('error', { code, details: message });
  };
  const running = new Set<Promise<void>>();
  try {
    for await (const request of stream) {
      const work = runtime.handleIngest(request as Message, connection).then(write, fail);
      running.add(work);
      void work.finally(() => running.delete(work));
      if (running.size >= MAX_CONCURRENT) await Promise.race(running);
      if (stream.writableNeedDrain) await once(stream, 'drain', { signal: closed.signal });
    }
    await Promise.all(running);
    stream.end();
  } catch (error) {
    fail(error);
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
