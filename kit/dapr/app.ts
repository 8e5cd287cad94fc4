import { once } from 'node:events';
import {
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  create,
  toJson,
} from '@bufbuild/protobuf';
import { ValueSchema, anyUnpack } from '@bufbuild/protobuf/wkt';
import {
  AppCallback,
  AppCallbackAlpha,
  AppCallbackHealthCheck,
  type BindingEventRequest,
  type JobEventRequest,
  type TopicEventBulkRequest,
  type TopicEventBulkRequestEntry,
  type TopicEventCERequest,
  type TopicEventRequest,
  TopicEventResponse_TopicEventResponseStatus as Status,
} from '@dapr/dapr/proto/dapr/proto/runtime/v1/appcallback_pb';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import type { Clock } from '../clock';
import { Code, MicroserviceError } from '../errors';
import type { Delivery } from '../deliveries';
import type { Cause, Said } from '../handling';
import type { Host } from '../host';
import type { ProcessStatus } from '../operations';
import { operations } from '../operations';
import type { Admission } from './admission';
import { grpcDefinition, streamMethods, unaryDefinition, unaryMethods } from './grpc-adapter';
import { causeFromMetadata, setSaid } from './metadata';
import { BUS } from './sidecar';
import { answerWithError } from './status';

const BATCH = AppCallbackAlpha.method.onBulkTopicEventAlpha1;
const BATCH_PATH = '/dapr.proto.runtime.v1.AppCallback/OnBulkTopicEvent';

type Message = ReturnType<typeof create>;
type Call = ServerUnaryCall<Message, Message>;
type StreamCall = ServerWritableStream<Message, Message>;
type Answer = (
  request: never,
  cause: Cause,
) => Promise<{ response: object; said?: readonly Said[] }>;

export interface AppOptions {
  host: Host;
  clock: Clock;
  status: ProcessStatus;
  address: string;
  port: number;
  admission: Admission;
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
  const { host, address } = options;
  // nobody asks for its own record of every call
  const server = new Server({ 'grpc.enable_channelz': 0 });
  const { serves } = host.service.definition;
  if (serves !== undefined) {
    addService(
      server,
      options,
      serves,
      (method) => (request, cause) => host.answer(method, request, cause),
    );
  }
  const answers = operations(host, options.status);
  addService(server, options, OperationsService, (method) => async (request, cause) => {
    // the handlers' type has one for each method of this same descriptor
    const handle = answers[method.localName as keyof typeof answers];
    const work = async () =>
      create(method.output, { ...(await handle(request, { caller: cause.caller })) });
    return { response: await host.once(method, request, cause, work) };
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
  const { clock, admission } = options;
  const implementation: UntypedServiceImplementation = {};
  for (const method of unaryMethods(service)) {
    const answer = answerOf(method);
    implementation[method.localName] = unary(async (call) => {
      const trailers = new Metadata();
      try {
        await admission.service(call.metadata);
        const cause = causeFromMetadata(call.metadata, call.getDeadline(), clock);
        // grpc-js gives what this method's own deserializer made
        const { response, said = [] } = await answer(call.request as never, cause);
        setSaid(trailers, said);
        return { response: create(method.output, { ...response }), trailers };
      } catch (error) {
        const answered = answerWithError(known(error), call.metadata);
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
  { host, clock, admission }: AppOptions,
  method: DescMethodServerStreaming,
): Promise<void> {
  const gone = new AbortController();
  call.once('cancelled', () => {
    gone.abort();
  });
  try {
    await admission.service(call.metadata);
    const cause = causeFromMetadata(call.metadata, call.getDeadline(), clock);
    // grpc-js gives what this method's own deserializer made
    for await (const message of host.stream(method, call.request, cause, gone.signal)) {
      if (call.write(create(method.output, { ...message }))) continue;
      await once(call, 'drain', { signal: gone.signal });
    }
    call.end();
  } catch (error) {
    if (gone.signal.aborted) return;
    const answered = answerWithError(known(error), call.metadata);
    if ('trailers' in answered) call.end(answered.trailers);
    else call.emit('error', answered.status);
  }
}

function addCallbacks(server: Server, { host, admission }: AppOptions): void {
  const { service } = host;
  const given = (handle: (call: Call) => Promise<Answered>) =>
    unary(async (call) => {
      admission.sidecar(call.metadata);
      return handle(call);
    });
  // No dead-letter topic: what becomes of an event that fails is decided here. See MAX_ATTEMPTS.
  const subscriptions = service.topics.map((topic) => {
    const batches = service.events.get(topic)?.batches;
    if (batches === undefined) return { pubsubName: BUS, topic };
    const { atMost: maxMessagesCount, withinMs: maxAwaitDurationMs } = batches;
    const bulkSubscribe = { enabled: true, maxMessagesCount, maxAwaitDurationMs };
    return { pubsubName: BUS, topic, bulkSubscribe };
  });
  const onBatch = given(async (call) => {
    const { entries } = call.request as TopicEventBulkRequest;
    const outcomes = await host.deliverAll(entries.map(entryOf));
    const statuses = entries.map(({ entryId }, at) => ({
      entryId,
      status: statusOf(outcomes[at]),
    }));
    return { response: create(BATCH.output, { statuses }) };
  });

  // the same under its new name, which the sidecar tries first
  const onBulkTopicEvent = { ...unaryDefinition(BATCH), path: BATCH_PATH };
  server.addService(
    { ...grpcDefinition(AppCallback), onBulkTopicEvent },
    {
      onBulkTopicEvent: onBatch,
      // the sidecar shows no token where it only asks what a service hears, and how it is
      listTopicSubscriptions: unary(() => {
        const response = create(AppCallback.method.listTopicSubscriptions.output, {
          subscriptions,
        });
        return Promise.resolve({ response });
      }),
      onTopicEvent: given(async (call) => {
        // as above: this method's own deserializer made it; the same holds below
        const request = call.request as TopicEventRequest;
        const status = statusOf(await host.deliver(cloudEventOf(request)));
        return { response: create(AppCallback.method.onTopicEvent.output, { status }) };
      }),
      listInputBindings: unary(() => {
        const bindings = [...service.bindings.keys()];
        const response = create(AppCallback.method.listInputBindings.output, { bindings });
        return Promise.resolve({ response });
      }),
      onBindingEvent: given(async (call) => {
        const { name, data, metadata } = call.request as BindingEventRequest;
        await host.receive(name, { data, metadata });
        return { response: create(AppCallback.method.onBindingEvent.output) };
      }),
    },
  );
  server.addService(grpcDefinition(AppCallbackAlpha), {
    onBulkTopicEventAlpha1: onBatch,
    onJobEventAlpha1: given(async (call) => {
      await host.perform(jobData(call.request as JobEventRequest));
      return { response: create(AppCallbackAlpha.method.onJobEventAlpha1.output) };
    }),
  });
  server.addService(grpcDefinition(AppCallbackHealthCheck), {
    healthCheck: unary(() => {
      const response = create(AppCallbackHealthCheck.method.healthCheck.output);
      return Promise.resolve({ response });
    }),
  });
}

type Answered = { response: Message; trailers?: Metadata } | { status: Partial<ServiceError> };

/** A handler in the terms of grpc-js. */
function unary(handle: (call: Call) => Promise<Answered>): UntypedHandleCall {
  return (call: Call, done: sendUnaryData<Message>) => {
    handle(call).then(
      (answered) => {
        if ('status' in answered) done(answered.status);
        else done(null, answered.response, answered.trailers);
      },
      (error: unknown) => {
        const { code, message } = known(error);
        done({ code, details: message });
      },
    );
  };
}

function known(error: unknown): MicroserviceError {
  return error instanceof MicroserviceError
    ? error
    : new MicroserviceError('internal error', Code.INTERNAL);
}

function statusOf(delivery: Delivery | undefined): Status {
  return delivery === 'SUCCESS' ? Status.SUCCESS : Status.RETRY;
}

/** One of a batch; what is no CloudEvent will be refused as that, and the dead letter shows it. */
function entryOf({ entryId, event }: TopicEventBulkRequestEntry): Record<string, unknown> {
  if (event.case === 'cloudEvent') return cloudEventOf(event.value);
  return { id: entryId, data: Buffer.from(event.value ?? []).toString('base64') };
}

/** The CloudEvent that the sidecar took apart, whole again. */
function cloudEventOf(request: TopicEventRequest | TopicEventCERequest): Record<string, unknown> {
  const { id, source, type, specVersion, dataContentType, data, extensions = {} } = request;
  return {
    ...extensions,
    specversion: specVersion,
    id,
    source,
    type,
    datacontenttype: dataContentType,
    data: json(Buffer.from(data).toString('utf8')),
  };
}

/** What is no JSON stays text: the contract will refuse it, and the dead letter shows it. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function jobData({ data }: JobEventRequest): unknown {
  if (data === undefined) return undefined;
  const value = anyUnpack(data, ValueSchema);
  if (value !== undefined) return toJson(ValueSchema, value);
  return json(Buffer.from(data.value).toString('utf8'));
}
