import { once } from 'node:events';
import { type DescMethodBiDiStreaming, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { Code, MicroserviceError } from '../core/errors';
import type { ServiceRuntime } from '../runtime/service-runtime';

type Message = ReturnType<typeof create>;
type Stream = ServerDuplexStream<Message, Message>;

/** Of one client, so many messages are worked on at once; it is not read from meanwhile. */
const AT_ONCE = 16;
/** What nobody has taken for so long was sent to nobody. */
const MOST_BYTES = 1024 * 1024;

export interface IngestServer {
  readonly port: number;
  close(): void;
}

/**
 * The port for clients outside of the system that send one message after the other and are answered
 * each. No sidecar stands before it and nobody is let in or kept out: whose a message is, it shows
 * itself. What may be sent again is no failure of the others: it is answered by the end of the stream
 * with its status, and everything that was not answered is to be sent again.
 */
export async function startIngest(
  runtime: ServiceRuntime,
  address: string,
  port: number,
): Promise<IngestServer> {
  const { ingest } = runtime.service;
  if (ingest === undefined) throw new Error(`${runtime.service.name} takes no streams of messages`);
  const { method } = ingest;
  const server = new Server({
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': MOST_BYTES,
  });
  server.addService(
    { [method.localName]: definitionOf(method) },
    {
      [method.localName]: (stream: Stream) => {
        void answerAll(stream, runtime, method);
      },
    },
  );
  const bound = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync(`${address}:${String(port)}`, credentials, (error, at) => {
      if (error === null) resolve(at);
      else reject(error);
    });
  });
  return {
    port: bound,
    close: () => {
      server.forceShutdown();
    },
  };
}

async function answerAll(
  stream: Stream,
  runtime: ServiceRuntime,
  method: DescMethodBiDiStreaming,
): Promise<void> {
  const gone = new AbortController();
  stream.once('cancelled', () => {
    gone.abort();
  });
  stream.once('close', () => {
    gone.abort();
  });
  const write = (message: object) => {
    if (!gone.signal.aborted) stream.write(create(method.output, { ...message }));
  };
  const link = { write, closed: gone.signal };
  let failed = false;
  // once: this is the end of the stream, for whoever reads it here as well
  const fail = (error: unknown) => {
    if (failed || gone.signal.aborted) return;
    failed = true;
    const known = error instanceof MicroserviceError;
    const code = known ? error.code : Code.INTERNAL;
    stream.emit('error', { code, details: known ? error.message : 'internal error' });
  };
  const running = new Set<Promise<void>>();
  try {
    for await (const request of stream) {
      const work = runtime.handleIngest(request as Message, link).then(write, fail);
      running.add(work);
      void work.finally(() => running.delete(work));
      if (running.size >= AT_ONCE) await Promise.race(running);
      if (stream.writableNeedDrain) await once(stream, 'drain', { signal: gone.signal });
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
