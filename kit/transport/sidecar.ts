import type { DescMethodServerStreaming, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import type { CloudEvent } from '../messages/cloud-event';
import type { CallContext } from '../core/call-context';
import type { PublishedEvent } from '../core/execution';

/** How long one call to the sidecar's state or publish API may take, in milliseconds. */
export const SIDECAR_TIMEOUT_MS = 5_000;

/** In the place of a time to live: none any more. */
export const NO_EXPIRY = -1;

/** A stored value and the tag that says which state of it this is. */
export interface StoredValue {
  readonly value: unknown;
  readonly etag: string;
}

export interface CallRequest<M extends DescMethodUnary = DescMethodUnary> {
  readonly appId: string;
  readonly method: M;
  readonly request: MessageShape<M['input']>;
  /** The cause under which the callee shall work; its deadline is the call's. */
  readonly callContext: CallContext;
}

/** A call that is answered by many messages. Its cause's deadline is when it ends at the latest. */
export interface StreamRequest<M extends DescMethodServerStreaming = DescMethodServerStreaming> {
  readonly appId: string;
  readonly method: M;
  readonly request: MessageShape<M['input']>;
  readonly callContext: CallContext;
  /** Aborted when nobody listens any more. */
  readonly signal: AbortSignal;
}

export interface CallResponse<M extends DescMethodUnary = DescMethodUnary> {
  readonly response: MessageShape<M['output']>;
  /** What the callee said while it answered. */
  readonly published: readonly PublishedEvent[];
}

/** What is asked of an HTTP endpoint outside of the system. */
export interface EndpointRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** From the endpoint's base: `/v1/captures`. Never a secret: it may stand in an error. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** By name in small letters. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Whatever the endpoint answered, also with a status that tells of a failure. */
export interface EndpointResponse {
  readonly status: number;
  /** What was JSON, read; any other body as text. */
  readonly body: unknown;
}

export interface JobRequest {
  readonly name: string;
  /** When: a moment (ISO 8601) or a delay (`30s`), for once. */
  readonly dueTime?: string;
  /** When: a cron expression or `@every 30s`, for again and again. */
  readonly schedule?: string;
  readonly data: unknown;
}

/**
 * All that the kit asks of the world. What it means to handle an event, change a document or
 * call a service stands above this line, once; below it there is a process that carries
 * messages, or in a test the memory of that process.
 *
 * Each throws a MicroserviceError: UNAVAILABLE where the other side cannot be reached,
 * DEADLINE_EXCEEDED where it did not answer within `timeout` (milliseconds).
 */
export interface Sidecar {
  load(key: string, timeout: number): Promise<StoredValue | undefined>;
  /**
   * Writes if the stored state still is `etag`'s (undefined: if there is none).
   * False: somebody else changed it in between.
   *
   * `ttlSeconds` later, or a little after, it goes by itself; FOR_GOOD: never, whatever an earlier write said. Without it
   * that is left open, as stores differ: it is for what never had a time to live. A write and its time
   * to live may be two steps: where this throws, the first may have come about without the second.
   */
  save(
    key: string,
    value: unknown,
    etag: string | undefined,
    timeout: number,
    ttlSeconds?: number,
  ): Promise<boolean>;
  delete(key: string, timeout: number): Promise<void>;
  publish(event: CloudEvent, timeout: number): Promise<void>;
  /** Events of one type, in as few messages as they fit in. Where it throws, some may be said. */
  publishAll(events: readonly CloudEvent[], timeout: number): Promise<void>;
  call<M extends DescMethodUnary>(call: CallRequest<M>): Promise<CallResponse<M>>;
  /** Ends without an error where it was ended, by either side. */
  stream<M extends DescMethodServerStreaming>(
    call: StreamRequest<M>,
  ): AsyncIterable<MessageShape<M['output']>>;
  send(
    binding: string,
    operation: string,
    data: unknown,
    metadata: Readonly<Record<string, string>>,
    timeout: number,
  ): Promise<void>;
  /** Throws only where no answer came; the request may have had its effect even so. */
  request(endpoint: string, request: EndpointRequest, timeout: number): Promise<EndpointResponse>;
  schedule(job: JobRequest, timeout: number): Promise<void>;
  unschedule(name: string, timeout: number): Promise<void>;
}
