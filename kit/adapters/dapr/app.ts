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
type Answer = (
  request: never,
  callContext: CallContext,
) => Promise<{ response: object; published?: readonly PublishedEvent[] }>;

export interface AppOptions {
  runtime: ServiceRuntime;
  clock: Clock;
  status: ProcessStatus;
  address: string;
  port: number;
  callerAuth: CallerAuth;
}

export interface App {
  readonly port: number;
  close(): void;
}

/**
 * The gRPC server that the sidecar talks to: the service's own methods, those that every service
 * answers, and the sidecar's events, bindings, jobs and health check.
 */
export async function startApp(options: AppOptions): Promise<App> {
  const { runtime, address } = options;
  // nobody asks for its own record of every call
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
  const answers = operationsHandlers(runtime, options.status);
  addService(server, options, OperationsService, (method) => async (request, callContext) => {
    // the handlers' type has one for each method of this same descriptor
    const handle = answers[method.localName as keyof typeof answers];
    const work = async () =>
      create(method.output, { ...(await handle(request, { caller: callContext.caller })) });
    return { response: await runtime.withIdempotencyKey(method, request, callContext, work) };
  });
  addCallbacks(server, options);

  const port = await new Promise<number>((bound, failed) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync(`${address}:${String(options.port)}`, credentials, (error, at) => {
      if (error === null) bound(at);
      else failed(error);
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
  answerOf: (method: DescMethodUnary) => Answer,
): void {
  const { clock, callerAuth } = options;
  const implementation: UntypedServiceImplementation = {};
  for (const method of unaryMethods(service)) {
    const answer = answerOf(method);
    implementation[method.localName] = unary(async (call) => {
      const trailers = new Metadata();
      try {
        await callerAuth.authorizeCall(call.metadata);
        const callContext = callContextFromMetadata(call.metadata, call.getDeadline(), clock);
        // grpc-js gives what this method's own deserializer made
        const { response, published = [] } = await answer(call.request as never, callContext);
        setPublished(trailers, published);
        return { response: create(method.output, { ...response }), trailers };
      } catch (error) {
        const answered = errorResponse(toMicroserviceError(error), call.metadata);
        return 'status' in answered ? answered : { response: create(method.output), ...answered };
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

/** Sends what a stream's handler gives, no faster than it is taken. */
async function sendAll(
  call: StreamCall,
  { runtime, clock, callerAuth }: AppOptions,
  method: DescMethodServerStreaming,
): Promise<void> {
  const gone = new AbortController();
  call.once('cancelled', () => {
    gone.abort();
  });
  try {
    await callerAuth.authorizeCall(call.metadata);
    const callContext = callContextFromMetadata(call.metadata, call.getDeadline(), clock);
    // grpc-js gives what this method's own deserializer made
    for await (const message of runtime.handleStream(
      method,
      call.request,
      callContext,
      gone.signal,
    )) {
      if (call.write(create(method.output, { ...message }))) continue;
      await once(call, 'drain', { signal: gone.signal });
    }
    call.end();
  } catch (error) {
    if (gone.signal.aborted) return;
    const answered = errorResponse(toMicroserviceError(error), call.metadata);
    if ('trailers' in answered) call.end(answered.trailers);
    else call.emit('error', answered.status);
  }
}
