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
import { type UnaryCall, type UnaryResult, unary } from './unary';

const BATCH = AppCallbackAlpha.method.onBulkTopicEventAlpha1;
const BATCH_PATH = '/dapr.proto.runtime.v1.AppCallback/OnBulkTopicEvent';

/**
 * Adds the sidecar's callbacks: events, binding messages, jobs that are due, and its health check.
 */
export function addCallbacks(
  server: Server,
  { runtime, callerAuth }: { runtime: ServiceRuntime; callerAuth: CallerAuth },
): void {
  const { service } = runtime;
  const authorized = (handle: (call: UnaryCall) => Promise<UnaryResult>) =>
    unary(async (call) => {
      callerAuth.authorizeCallback(call.metadata);
      return handle(call);
    });
  // Without a dead-letter topic: the service decides when an event is a dead letter. See MAX_ATTEMPTS.
  const subscriptions = service.topics.map((topic) => {
    const batches = service.events.get(topic)?.batches;
    if (batches === undefined) return { pubsubName: BUS, topic };
    const { maxEvents, maxWaitMs } = batches;
    const bulkSubscribe = {
      enabled: true,
      maxMessagesCount: maxEvents,
      maxAwaitDurationMs: maxWaitMs,
    };
    return { pubsubName: BUS, topic, bulkSubscribe };
  });
  const onBatch = authorized(async (call) => {
    const request = call.request as TopicEventBulkRequest;
    const { entries } = request;
    const ackStatuses = await runtime.deliverAll(entries.map(entryOf), topicOf(request));
    const statuses = entries.map(({ entryId }, index) => ({
      entryId,
      status: statusOf(ackStatuses[index]),
    }));
    return { response: create(BATCH.output, { statuses }) };
  });

  // the same method under its new name, which the sidecar tries first
  const onBulkTopicEvent = { ...unaryDefinition(BATCH), path: BATCH_PATH };
  server.addService(
    { ...grpcDefinition(AppCallback), onBulkTopicEvent },
    {
      onBulkTopicEvent: onBatch,
      // without authorization: the sidecar presents no token when it asks for subscriptions and health
      listTopicSubscriptions: unary(() => {
        const response = create(AppCallback.method.listTopicSubscriptions.output, {
          subscriptions,
        });
        return Promise.resolve({ response });
      }),
      onTopicEvent: authorized(async (call) => {
        // deserialized by this method's own deserializer; so are the requests below
        const request = call.request as TopicEventRequest;
        const status = statusOf(await runtime.deliver(cloudEventOf(request), topicOf(request)));
        return { response: create(AppCallback.method.onTopicEvent.output, { status }) };
      }),
      listInputBindings: unary(() => {
        const bindings = [...service.bindings.keys()];
        const response = create(AppCallback.method.listInputBindings.output, { bindings });
        return Promise.resolve({ response });
      }),
      onBindingEvent: authorized(async (call) => {
        const { name, data, metadata } = call.request as BindingEventRequest;
        await runtime.handleBindingMessage(name, { data, metadata });
        return { response: create(AppCallback.method.onBindingEvent.output) };
      }),
    },
  );
  server.addService(grpcDefinition(AppCallbackAlpha), {
    onBulkTopicEventAlpha1: onBatch,
    onJobEventAlpha1: authorized(async (call) => {
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

function statusOf(ackStatus: AckStatus | undefined): Status {
  return ackStatus === 'SUCCESS' ? Status.SUCCESS : Status.RETRY;
}

/** The topic according to the subscription. What the event itself says about it is not trusted. */
function topicOf({ pubsubName, topic }: { pubsubName: string; topic: string }): string {
  return pubsubName === BUS ? topic : `${pubsubName}/${topic}`;
}

/**
 * An event of a batch. An entry that is not a CloudEvent becomes a dead letter that shows its
 * bytes.
 */
function entryOf({ entryId, event }: TopicEventBulkRequestEntry): Record<string, unknown> {
  if (event.case === 'cloudEvent') return cloudEventOf(event.value);
  return { id: entryId, data: Buffer.from(event.value ?? []).toString('base64') };
}

/** The CloudEvent that the sidecar has split into fields. */
function cloudEventOf(request: TopicEventRequest | TopicEventCERequest): Record<string, unknown> {
  const { id, source, type, specVersion, dataContentType, data, extensions = {} } = request;
  return {
    ...extensions,
    specversion: specVersion,
    id,
    source,
    type,
    datacontenttype: dataContentType,
    data: parseJson(Buffer.from(data).toString('utf8')),
  };
}

/** Data that is not JSON stays text: it does not match its contract, and the dead letter shows it. */
function parseJson(text: string): unknown {
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
  return parseJson(Buffer.from(data.value).toString('utf8'));
}
