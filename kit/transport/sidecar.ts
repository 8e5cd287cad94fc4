import type { DescMethodServerStreaming, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import type { CloudEvent } from '../messages/cloud-event';
import type { CallContext } from '../core/call-context';
import type { PublishedEvent } from '../core/execution';

/** How long one call to the sidecar's state or publish API may take, in milliseconds. */
export const SIDECAR_TIMEOUT_MS = 5_000;

/** A time to live that removes the expiry of a document. */
export const NO_EXPIRY = -1;

/** A stored value with its ETag, which identifies this version of it. */
export interface StoredValue {
  readonly value: unknown;
  readonly etag: string;
}

export interface CallRequest<M extends DescMethodUnary = DescMethodUnary> {
  readonly appId: string;
  readonly method: M;
  readonly request: MessageShape<M['input']>;
  /** The call context of the callee. Its deadline is the deadline of the call. */
  readonly callContext: CallContext;
}

/** A call with a stream of responses. The call context's deadline is the latest end of the stream. */
export interface StreamRequest<M extends DescMethodServerStreaming = DescMethodServerStreaming> {
  readonly appId: string;
  readonly method: M;
  readonly request: MessageShape<M['input']>;
  readonly callContext: CallContext;
  /** Aborted when the client no longer listens. */
  readonly signal: AbortSignal;
}

export interface CallResponse<M extends DescMethodUnary = DescMethodUnary> {
  readonly response: MessageShape<M['output']>;
  /** The events that the callee published during the call. */
  readonly published: readonly PublishedEvent[];
}

/** A request to an HTTP endpoint outside of the system. */
export interface EndpointRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /**
   * Relative to the endpoint's base URL: `/v1/captures`. Never a secret: it may appear in an error.
   */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** By lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The response of an endpoint, whatever its status is. */
export interface EndpointResponse {
  readonly status: number;
  /** Parsed if it is JSON; otherwise text. */
  readonly body: unknown;
}

export interface JobRequest {
  readonly name: string;
  /** When a single job is due: a time (ISO 8601) or a delay (`30s`). */
  readonly dueTime?: string;
  /** When a recurring job is due: a cron expression or `@every 30s`. */
  readonly schedule?: string;
  readonly data: unknown;
}

/**
 * The port between the kit and the outside world. The kit above it implements events, documents and
 * calls once. Below it is a sidecar process or, in tests, an in-memory transport.
 *
 * Every method throws a MicroserviceError: UNAVAILABLE if the other side cannot be reached,
 * DEADLINE_EXCEEDED if it does not answer within `timeout` milliseconds.
 */
export interface Sidecar {
  load(key: string, timeout: number): Promise<StoredValue | undefined>;
  /** Reads several values by one request. A key without a value is absent from the result. */
  loadMany(keys: readonly string[], timeout: number): Promise<ReadonlyMap<string, StoredValue>>;
  /**
   * Writes a value if the stored version still has this ETag (undefined: if there is none). Returns
   * false if another writer changed it.
   *
   * The value expires `ttlSeconds` later, or a little after that. NO_EXPIRY removes the expiry that an
   * earlier write set. Without `ttlSeconds`, the effect on an earlier expiry depends on the store, so
   * omit it only for values that never had one. A store may write value and expiry in two steps: if
   * this throws, the first may have happened without the second.
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
  /**
   * Publishes events of one type in as few messages as possible. If it throws, some may be
   * published.
   */
  publishAll(events: readonly CloudEvent[], timeout: number): Promise<void>;
  call<M extends DescMethodUnary>(call: CallRequest<M>): Promise<CallResponse<M>>;
  /** Ends without an error when the client aborts it or the callee ends it. */
  stream<M extends DescMethodServerStreaming>(
    call: StreamRequest<M>,
  ): AsyncIterable<MessageShape<M['output']>>;
  /** Sends a message through an output binding. */
  send(
    binding: string,
    operation: string,
    data: unknown,
    metadata: Readonly<Record<string, string>>,
    timeout: number,
  ): Promise<void>;
  /** Throws only if there is no response. The request may have had its effect even then. */
  request(endpoint: string, request: EndpointRequest, timeout: number): Promise<EndpointResponse>;
  schedule(job: JobRequest, timeout: number): Promise<void>;
  unschedule(name: string, timeout: number): Promise<void>;
}
