import type { DescMethodServerStreaming, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import type { CloudEvent } from '../../messages/cloud-event';
import { z } from 'zod';
import type { EventSignatures } from '../../messages/event-signatures';
import { Code, MicroserviceError, unavailable } from '../../core/errors';
import {
  type CallRequest,
  type CallResponse,
  type EndpointRequest,
  type EndpointResponse,
  type JobRequest,
  NO_EXPIRY,
  type Sidecar,
  type StoredValue,
  type StreamRequest,
} from '../../transport/sidecar';
import { bulkBodies, failedEntries } from './bulk';
import { endpointResponse } from './endpoint';
import type { SidecarAddress } from './sidecar-address';
import { type CallProofs, SidecarGrpc } from './sidecar-grpc';
import { SidecarHttp, assertOk } from './sidecar-http';

/** The names of the components, whatever store and broker they configure. */
const STATE = 'state';
export const BUS = 'bus';

/**
 * The largest event, in bytes of its JSON. A sidecar accepts and delivers 4 MiB including its own headers
 * (--max-body-size). A larger event could be published, but never delivered, and would be redelivered
 * forever.
 */
export const MAX_EVENT_BYTES = 4_000_000;

/**
 * The retries of a job that runs once, without a limit. The service gives up, in
 * BindingJobDispatcher.
 */
const JOB_RETRIES = { constant: { interval: '2s' } };

/** The response of a read of several documents. A document that does not exist has no data. */
const BulkItems = z.array(
  z.object({
    key: z.string(),
    data: z.unknown().optional(),
    etag: z.string().optional(),
    error: z.string().optional(),
  }),
);

const FIRST_WRITE = { concurrency: 'first-write', consistency: 'strong' };

/** The sidecar of this process: state, publishing, bindings and jobs by HTTP, calls by gRPC. */
export class DaprSidecar implements Sidecar {
  readonly #http: SidecarHttp;
  readonly #grpc: SidecarGrpc;

  constructor(
    address: SidecarAddress,
    /** Signs the events of this service. */
    private readonly signatures: EventSignatures,
    proofs: CallProofs = {},
  ) {
    this.#http = new SidecarHttp(address);
    this.#grpc = new SidecarGrpc(address, proofs);
  }

  async load(key: string, timeout: number): Promise<StoredValue | undefined> {
    const path = `/v1.0/state/${STATE}/${encodeURIComponent(key)}?consistency=strong`;
    const { status, headers, body } = await this.#http.request('GET', path, timeout);
    if (status === 204 || body === '') return undefined;
    assertOk('reading a document', status, body);
    const { etag } = headers;
    if (typeof etag !== 'string') {
      throw new MicroserviceError('the store returned no ETag', Code.INTERNAL);
    }
    return { value: JSON.parse(body), etag };
  }

  async loadMany(
    keys: readonly string[],
    timeout: number,
  ): Promise<ReadonlyMap<string, StoredValue>> {
    const path = `/v1.0/state/${STATE}/bulk`;
    const text = JSON.stringify({ keys, parallelism: keys.length });
    const { status, body } = await this.#http.request('POST', path, timeout, text);
    assertOk('reading documents', status, body);
    const values = new Map<string, StoredValue>();
    for (const { key, data, etag, error } of BulkItems.parse(JSON.parse(body))) {
      if (error !== undefined) throw unavailable(`reading documents failed: ${error}`);
      if (data === undefined || data === null) continue;
      if (etag === undefined) {
        throw new MicroserviceError('the store returned no ETag', Code.INTERNAL);
      }
      values.set(key, { value: data, etag });
    }
    return values;
  }

  async save(
    key: string,
    value: unknown,
    etag: string | undefined,
    timeout: number,
    ttlSeconds?: number,
  ): Promise<boolean> {
    const item = {
      key,
      value,
      options: FIRST_WRITE,
      ...(etag === undefined ? {} : { etag }),
      ...(ttlSeconds === undefined ? {} : { metadata: { ttlInSeconds: wholeSeconds(ttlSeconds) } }),
    };
    const path = `/v1.0/state/${STATE}`;
    const text = JSON.stringify([item]);
    const { status, body } = await this.#http.request('POST', path, timeout, text);
    if (status === 409) return false;
    // some stores return a general error if a document that is to be created exists already
    if (status === 500 && etag === undefined && (await this.load(key, timeout)) !== undefined) {
      return false;
    }
    assertOk('writing a document', status, body);
    return true;
  }

  async delete(key: string, timeout: number): Promise<void> {
    const path = `/v1.0/state/${STATE}/${encodeURIComponent(key)}`;
    const { status, body } = await this.#http.request('DELETE', path, timeout);
    assertOk('deleting a document', status, body);
  }

  async publish(event: CloudEvent, timeout: number): Promise<void> {
    const partitionKey = encodeURIComponent(event.subject);
    const path = `/v1.0/publish/${BUS}/${event.type}?metadata.partitionKey=${partitionKey}`;
    const text = JSON.stringify(this.signatures.sign(event));
    assertSize(event.type, Buffer.byteLength(text));
    const { status, body } = await this.#http.request(
      'POST',
      path,
      timeout,
      text,
      'application/cloudevents+json',
    );
    assertOk(`publishing ${event.type}`, status, body);
  }

  async publishAll(events: readonly CloudEvent[], timeout: number): Promise<void> {
    const [first] = events;
    if (first === undefined) return;
    const path = `/v1.0-alpha1/publish/bulk/${BUS}/${first.type}`;
    for (const text of bulkBodies(events.map((event) => this.signatures.sign(event)))) {
      assertSize(first.type, Buffer.byteLength(text));
      const { status, body } = await this.#http.request('POST', path, timeout, text);
      assertOk(`publishing ${first.type}`, status, failedEntries(body));
    }
  }

  call<M extends DescMethodUnary>(call: CallRequest<M>): Promise<CallResponse<M>> {
    return this.#grpc.call(call);
  }

  stream<M extends DescMethodServerStreaming>(
    call: StreamRequest<M>,
  ): AsyncIterable<MessageShape<M['output']>> {
    return this.#grpc.stream(call);
  }

  async send(
    binding: string,
    operation: string,
    data: unknown,
    metadata: Readonly<Record<string, string>>,
    timeout: number,
  ): Promise<void> {
    if (data instanceof Uint8Array) {
      await this.#grpc.sendBytes(binding, operation, data, metadata, timeout);
      return;
    }
    const path = `/v1.0/bindings/${binding}`;
    const text = JSON.stringify({ operation, data, metadata });
    const { status, body } = await this.#http.request('POST', path, timeout, text);
    assertOk(`sending through ${binding}`, status, body);
  }

  async request(
    endpoint: string,
    { method, path, body, headers = {} }: EndpointRequest,
    timeout: number,
  ): Promise<EndpointResponse> {
    const response = await this.#http.request(
      method,
      `/v1.0/invoke/${endpoint}/method${path}`,
      timeout,
      body === undefined ? undefined : JSON.stringify(body),
      'application/json',
      headers,
    );
    return endpointResponse(endpoint, response);
  }

  async schedule({ name, ...job }: JobRequest, timeout: number): Promise<void> {
    // a job that runs once is retried until the service accepts it, or its work would be lost
    const retries = job.schedule === undefined ? { failurePolicy: JOB_RETRIES } : {};
    const text = JSON.stringify({ ...job, ...retries, overwrite: true });
    const path = `/v1.0/jobs/${encodeURIComponent(name)}`;
    const { status, body } = await this.#http.request('POST', path, timeout, text);
    assertOk(`scheduling ${name}`, status, body);
  }

  async unschedule(name: string, timeout: number): Promise<void> {
    const path = `/v1.0/jobs/${encodeURIComponent(name)}`;
    const { status, body } = await this.#http.request('DELETE', path, timeout);
    assertOk(`cancelling ${name}`, status, body);
  }

  /** Whether the sidecar and its components are ready. */
  async ready(): Promise<boolean> {
    try {
      const { status } = await this.#http.request('GET', '/v1.0/healthz/outbound', 1_000);
      return status === 204;
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    this.#grpc.close();
    await this.#http.close();
  }
}

/**
 * Adds a second: a store that counts whole seconds would otherwise remove a document up to one
 * second early.
 */
function wholeSeconds(ttlSeconds: number): string {
  return String(ttlSeconds === NO_EXPIRY ? NO_EXPIRY : Math.ceil(ttlSeconds) + 1);
}

function assertSize(type: string, bytes: number): void {
  if (bytes <= MAX_EVENT_BYTES) return;
  const message = `${type} has ${bytes} bytes; the limit for an event is ${MAX_EVENT_BYTES}`;
  throw new MicroserviceError(message, Code.INVALID_ARGUMENT, { reason: 'too_large' });
}
