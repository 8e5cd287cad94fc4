import { once } from 'node:events';
import {
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  create,
} from '@bufbuild/protobuf';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import type { Clock } from '../../core/clock';
import type { CallContext } from '../../core/call-context';
import type { PublishedEvent } from '../../core/execution';
import type { ServiceRuntime } from '../../runtime/service-runtime';
import type { ProcessStatus } from '../../operations/operations-service';
import { operationsHandlers } from '../../operations/operations-service';
import type { CallerAuth } from './caller-auth';
import { addCallbacks } from './callbacks';
import { grpcDefinition, streamMethods, unaryMethods } from './grpc-adapter';
import { callContextFromMetadata, setPublished } from './metadata';
import { errorResponse } from './status';
import { type Message, toMicroserviceError, unary } from './unary';

type StreamCall = ServerWritableStream<Message, Message>;
type MethodHandler = (
  request: never,
  callContext: CallContext,
) => Promise<{ response: object; published?: readonly PublishedEvent[] }>;

export interface AppOptions {
  runtime: ServiceRuntime;
  clock: Clock;
  status: ProcessStatus;
  address: string;
  /** 0 selects a free port. */
  port: number;
  callerAuth: CallerAuth;
}

export interface App {
  readonly port: number;
  close(): void;
}

/**
 * Starts the gRPC server that the sidecar calls: the methods of the service, the methods that every
 * service has, and the sidecar's callbacks for events, bindings, jobs and its health check. Rejects if
 * the port is taken.
 */
export async function startApp(options: AppOptions): Promise<App> {
  const { runtime, address } = options;
  // channelz records every call, and nothing reads it
  const server = new Server({ 'grpc.enable_channelz': 0 });
  const { serves } = runtime.service.definition;
  if (serves !== undefined) {
    addService(
      server,
      options,
      serves,
      (method) => (request, callContext) => runtime.handleCall(method, request, callContext),
    );
  }
  const operations = operationsHandlers(runtime, options.status);
  addService(server, options, OperationsService, (method) => async (request, callContext) => {
    // the type of the handlers has one for each method of this descriptor
    const handle = operations[method.localName as keyof typeof operations];
    const work = async () =>
      create(method.output, { ...(await handle(request, { caller: callContext.caller })) });
    return { response: await runtime.withIdempotencyKey(method, request, callContext, work) };
  });
  addCallbacks(server, options);

  const port = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync(`${address}:${String(options.port)}`, credentials, (error, boundPort) => {
      if (error === null) resolve(boundPort);
      else reject(error);
    });
  });
  return {
    port,
    close: () => {
      server.forceShutdown();
    },
  };
}

function addService(
  server: Server,
  options: AppOptions,
  service: DescService,
  handlerOf: (method: DescMethodUnary) => MethodHandler,
): void {
  const { clock, callerAuth } = options;
  const implementation: UntypedServiceImplementation = {};
  for (const method of unaryMethods(service)) {
    const handle = handlerOf(method);
    implementation[method.localName] = unary(async (call) => {
      const trailers = new Metadata();
      try {
        const caller = await callerAuth.authorizeCall(call.metadata, method);
        const deadline = call.getDeadline();
        const callContext = callContextFromMetadata(call.metadata, deadline, clock, caller);
        // grpc-js has deserialized the request with this method's own deserializer
        const { response, published = [] } = await handle(call.request as never, callContext);
        setPublished(trailers, published);
        return { response: create(method.output, { ...response }), trailers };
      } catch (error) {
        const result = errorResponse(toMicroserviceError(error), call.metadata);
        return 'status' in result ? result : { response: create(method.output), ...result };
      }
    });
  }
  for (const method of streamMethods(service)) {
    implementation[method.localName] = (call: StreamCall) => {
      void sendAll(call, options, method);
    };
  }
  server.addService(grpcDefinition(service), implementation);
}

/** Sends the messages of a stream's handler, no faster than the client reads them. */
async function sendAll(
  call: StreamCall,
  { runtime, clock, callerAuth }: AppOptions,
  method: DescMethodServerStreaming,
): Promise<void> {
  const cancelled = new AbortController();
  const { signal } = cancelled;
  call.once('cancelled', () => {
    cancelled.abort();
  });
  try {
    const caller = await callerAuth.authorizeCall(call.metadata, method);
    const callContext = callContextFromMetadata(call.metadata, call.getDeadline(), clock, caller);
    // grpc-js has deserialized the request with this method's own deserializer
    for await (const message of runtime.handleStream(method, call.request, callContext, signal)) {
      if (call.write(create(method.output, { ...message }))) continue;
      await once(call, 'drain', { signal });
    }
    call.end();
  } catch (error) {
    if (signal.aborted) return;
    const result = errorResponse(toMicroserviceError(error), call.metadata);
    if ('trailers' in result) call.end(result.trailers);
    else call.emit('error', result.status);
  }
}
