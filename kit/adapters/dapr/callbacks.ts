import { create, toJson } from '@bufbuild/protobuf';
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
import type { Server } from '@grpc/grpc-js';
import type { AckStatus } from '../../delivery/event-dispatcher';
import type { ServiceRuntime } from '../../runtime/service-runtime';
import type { CallerAuth } from './caller-auth';
import { grpcDefinition, unaryDefinition } from './grpc-adapter';
import { BUS } from './sidecar';
import { type UnaryResult, type Call, unary } from './unary';

const BATCH = AppCallbackAlpha.method.onBulkTopicEventAlpha1;
const BATCH_PATH = '/dapr.proto.runtime.v1.AppCallback/OnBulkTopicEvent';

/** What the sidecar hands over: events, messages of bindings, jobs that are due, and its health check. */
export function addCallbacks(
  server: Server,
  { runtime, callerAuth }: { runtime: ServiceRuntime; callerAuth: CallerAuth },
): void {
  const { service } = runtime;
  const given = (handle: (call: Call) => Promise<UnaryResult>) =>
    unary(async (call) => {
      callerAuth.authorizeCallback(call.metadata);
      return handle(call);
    });
  // No dead-letter topic: what becomes of an event that fails is decided here. See MAX_ATTEMPTS.
  const subscriptions = service.topics.map((topic) => {
    const batches = service.events.get(topic)?.batches;
    if (batches === undefined) return { pubsubName: BUS, topic };
    const { maxEvents: maxMessagesCount, maxWaitMs: maxAwaitDurationMs } = batches;
    const bulkSubscribe = { enabled: true, maxMessagesCount, maxAwaitDurationMs };
    return { pubsubName: BUS, topic, bulkSubscribe };
  });
  const onBatch = given(async (call) => {
    const { entries } = call.request as TopicEventBulkRequest;
    const outcomes = await runtime.deliverAll(entries.map(entryOf));
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
        const status = statusOf(await runtime.deliver(cloudEventOf(request)));
        return { response: create(AppCallback.method.onTopicEvent.output, { status }) };
      }),
      listInputBindings: unary(() => {
        const bindings = [...service.bindings.keys()];
        const response = create(AppCallback.method.listInputBindings.output, { bindings });
        return Promise.resolve({ response });
      }),
      onBindingEvent: given(async (call) => {
        const { name, data, metadata } = call.request as BindingEventRequest;
        await runtime.handleBindingMessage(name, { data, metadata });
        return { response: create(AppCallback.method.onBindingEvent.output) };
      }),
    },
  );
  server.addService(grpcDefinition(AppCallbackAlpha), {
    onBulkTopicEventAlpha1: onBatch,
    onJobEventAlpha1: given(async (call) => {
      await runtime.runJob(jobData(call.request as JobEventRequest));
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

function statusOf(delivery: AckStatus | undefined): Status {
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
