import {
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageShape,
  create,
} from '@bufbuild/protobuf';
import { Dapr } from '@dapr/dapr/proto/dapr/proto/runtime/v1/dapr_pb';
import { Client, Metadata, type ServiceError, credentials } from '@grpc/grpc-js';
import { Pool } from 'undici';
import type { CloudEvent } from '../../messages/cloud-event';
import { Code, MicroserviceError, unavailable } from '../../core/errors';
import type { CallContext } from '../../core/call-context';
import type { ServiceTokens } from '../../security/service-tokens';
import {
  type CallResponse,
  type CallRequest,
  type EndpointResponse,
  type EndpointRequest,
  NO_EXPIRY,
  type JobRequest,
  type StoredValue,
  type Sidecar,
  type StreamRequest,
} from '../../transport/sidecar';
import { SERVICE_TOKEN_KEY } from './caller-auth';
import { bulkBodies, failedEntries } from './bulk';
import { endpointResponse } from './endpoint';
import { streamDefinition, unaryDefinition } from './grpc-adapter';
import { exchange } from './http-exchange';
import { callContextToMetadata, getPublished } from './metadata';
import { requestRefusalTrailer, fromServiceError, refusalFromTrailers } from './status';

export interface SidecarAddress {
  host: string;
  httpPort: number;
  grpcPort: number;
  /** DAPR_API_TOKEN, where the sidecar asks for one. */
  apiToken?: string | undefined;
}

/** Names of the components, the same whatever stands behind them. */
const STATE = 'state';
export const BUS = 'bus';

/**
 * The largest event, in bytes of its JSON. A sidecar takes and gives 4 MiB with its own headers (its
 * --max-body-size): one that is said and can never be given would come back for ever.
 */
export const MAX_EVENT_BYTES = 4_000_000;

/** How a job is told again that was not done, with no end: the service gives it up, in Work. */
const JOB_AGAIN = { constant: { interval: '2s' } };

const FIRST_WRITE = { concurrency: 'first-write', consistency: 'strong' };

/** The sidecar beside this process: state, publish, bindings and jobs over HTTP, calls over gRPC. */
export class DaprSidecar implements Sidecar {
  readonly #http: Pool;
  readonly #grpc: Client;
  readonly #headers: Record<string, string>;

  constructor(
    private readonly address: SidecarAddress,
    /** Ours, where services show by tokens which one they are. */
    private readonly tokens?: ServiceTokens,
  ) {
    const { host, httpPort, grpcPort, apiToken } = address;
    this.#http = new Pool(`http://${host}:${String(httpPort)}`, {
      connections: 100,
      keepAliveTimeout: 90_000,
      connect: { timeout: 2_000 },
    });
    this.#grpc = new Client(`${host}:${String(grpcPort)}`, credentials.createInsecure(), {
      // after a restart the sidecar is tried again soon; the default waits for up to two minutes
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_channelz': 0,
    });
    this.#headers = apiToken === undefined ? {} : { 'dapr-api-token': apiToken };
  }

  async load(key: string, timeout: number): Promise<StoredValue | undefined> {
    const path = `/v1.0/state/${STATE}/${encodeURIComponent(key)}?consistency=strong`;
    const { status, headers, body } = await this.#request('GET', path, timeout);
    if (status === 204 || body === '') return undefined;
    this.#expectOk('read of a document', status, body);
    const { etag } = headers;
    if (typeof etag !== 'string') {
      throw new MicroserviceError('the store gave no etag', Code.INTERNAL);
    }
    return { value: JSON.parse(body), etag };
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
    const { status, body } = await this.#request('POST', path, timeout, JSON.stringify([item]));
    if (status === 409) return false;
    // some stores answer a plain error where a document to be created is there already
    if (status === 500 && etag === undefined && (await this.load(key, timeout)) !== undefined) {
      return false;
    }
    this.#expectOk('write of a document', status, body);
    return true;
  }

  async delete(key: string, timeout: number): Promise<void> {
    const path = `/v1.0/state/${STATE}/${encodeURIComponent(key)}`;
    const { status, body } = await this.#request('DELETE', path, timeout);
    this.#expectOk('removal of a document', status, body);
  }

  async publish(event: CloudEvent, timeout: number): Promise<void> {
    const key = encodeURIComponent(event.subject);
    const path = `/v1.0/publish/${BUS}/${event.type}?metadata.partitionKey=${key}`;
    const text = JSON.stringify(event);
    assertFits(event.type, Buffer.byteLength(text));
    const { status, body } = await this.#request(
      'POST',
      path,
      timeout,
      text,
      'application/cloudevents+json',
    );
    this.#expectOk(`publish of ${event.type}`, status, body);
  }

  async publishAll(events: readonly CloudEvent[], timeout: number): Promise<void> {
    const [first] = events;
    if (first === undefined) return;
    const path = `/v1.0-alpha1/publish/bulk/${BUS}/${first.type}`;
    for (const text of bulkBodies(events)) {
      assertFits(first.type, Buffer.byteLength(text));
      const { status, body } = await this.#request('POST', path, timeout, text);
      this.#expectOk(`publish of ${first.type}`, status, failedEntries(body));
    }
  }

  async call<M extends DescMethodUnary>(call: CallRequest<M>): Promise<CallResponse<M>> {
    const { appId, method, request, callContext } = call;
    const { path, requestSerialize, responseDeserialize } = unaryDefinition(method);
    const metadata = await this.#metadata(appId, callContext);
    const answered = Promise.withResolvers<{ response: unknown; trailers: Metadata }>();
    let response: unknown;
    this.#grpc
      .makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline: callContext.deadline },
        (error, message) => {
          response = message;
          if (error !== null) answered.reject(fromServiceError(error, appId));
        },
      )
      .on('status', (status) => {
        answered.resolve({ response, trailers: status.metadata });
      });
    const { response: message, trailers } = await answered.promise;
    const refusal = refusalFromTrailers(trailers, appId);
    if (refusal !== undefined) throw refusal;
    // deserialized by this very method
    return { response: message as CallResponse<M>['response'], published: getPublished(trailers) };
  }

  async *stream<M extends DescMethodServerStreaming>(
    call: StreamRequest<M>,
  ): AsyncIterable<MessageShape<M['output']>> {
    const { appId, method, request, callContext, signal } = call;
    const { path, requestSerialize, responseDeserialize } = streamDefinition(method);
    const metadata = await this.#metadata(appId, callContext);
    // its policies are for the beginning then, not for as long as it lasts
    metadata.set('dapr-stream', 'true');
    const stream = this.#grpc.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      { deadline: callContext.deadline },
    );
    const trailers = new Promise<Metadata>((resolve) => {
      stream.on('status', (status) => {
        resolve(status.metadata);
      });
    });
    const end = () => {
      stream.cancel();
    };
    signal.addEventListener('abort', end);
    try {
      // deserialized by this very method
      for await (const message of stream) yield message as MessageShape<M['output']>;
      const refusal = refusalFromTrailers(await trailers, appId);
      if (refusal !== undefined) throw refusal;
    } catch (error) {
      if (signal.aborted) return;
      throw error instanceof MicroserviceError
        ? error
        : // grpc-js ends a stream with nothing else
          fromServiceError(error as ServiceError, appId);
    } finally {
      signal.removeEventListener('abort', end);
      stream.cancel();
    }
  }

  async send(
    binding: string,
    operation: string,
    data: unknown,
    metadata: Readonly<Record<string, string>>,
    timeout: number,
  ): Promise<void> {
    if (data instanceof Uint8Array) {
      await this.#sendBytes(binding, operation, data, metadata, timeout);
      return;
    }
    const text = JSON.stringify({ operation, data, metadata });
    const { status, body } = await this.#request(
      'POST',
      `/v1.0/bindings/${binding}`,
      timeout,
      text,
    );
    this.#expectOk(`sending through ${binding}`, status, body);
  }

  /** As they are: what the HTTP API takes is JSON, and JSON is what would arrive. */
  async #sendBytes(
    name: string,
    operation: string,
    data: Uint8Array,
    metadata: Readonly<Record<string, string>>,
    timeout: number,
  ): Promise<void> {
    if (timeout <= 0) throw new MicroserviceError('no time is left', Code.DEADLINE_EXCEEDED);
    const method = Dapr.method.invokeBinding;
    const { path, requestSerialize, responseDeserialize } = unaryDefinition(method);
    const request = create(method.input, { name, operation, data, metadata });
    const headers = new Metadata();
    for (const [header, value] of Object.entries(this.#headers)) headers.set(header, value);
    const sent = Promise.withResolvers<undefined>();
    this.#grpc.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      headers,
      { deadline: Date.now() + timeout },
      (error) => {
        if (error === null) sent.resolve(undefined);
        else sent.reject(unavailable(`sending through ${name} failed: ${error.details}`));
      },
    );
    await sent.promise;
  }

  async request(
    endpoint: string,
    { method, path, body, headers = {} }: EndpointRequest,
    timeout: number,
  ): Promise<EndpointResponse> {
    const answer = await this.#request(
      method,
      `/v1.0/invoke/${endpoint}/method${path}`,
      timeout,
      body === undefined ? undefined : JSON.stringify(body),
      'application/json',
      headers,
    );
    return endpointResponse(endpoint, answer);
  }

  async schedule({ name, ...job }: JobRequest, timeout: number): Promise<void> {
    // Told again until it is taken: whoever gives up would lose what is due once only.
    const again = job.schedule === undefined ? { failurePolicy: JOB_AGAIN } : {};
    const text = JSON.stringify({ ...job, ...again, overwrite: true });
    const path = `/v1.0/jobs/${encodeURIComponent(name)}`;
    const { status, body } = await this.#request('POST', path, timeout, text);
    this.#expectOk(`scheduling of ${name}`, status, body);
  }

  async unschedule(name: string, timeout: number): Promise<void> {
    const path = `/v1.0/jobs/${encodeURIComponent(name)}`;
    const { status, body } = await this.#request('DELETE', path, timeout);
    this.#expectOk(`cancelling of ${name}`, status, body);
  }

  /** Whether the sidecar can be used: its components are up. */
  async ready(): Promise<boolean> {
    try {
      const { status } = await this.#request('GET', '/v1.0/healthz/outbound', 1_000);
      return status === 204;
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    this.#grpc.close();
    await this.#http.destroy();
  }

  async #metadata(appId: string, callContext: CallContext): Promise<Metadata> {
    const metadata = callContextToMetadata(callContext, appId);
    metadata.set('dapr-app-id', appId);
    const { tokens } = this;
    if (tokens !== undefined) metadata.set(SERVICE_TOKEN_KEY, await tokens.tokenFor(appId));
    for (const [name, value] of Object.entries(this.#headers)) metadata.set(name, value);
    requestRefusalTrailer(metadata);
    return metadata;
  }

  async #request(
    method: EndpointRequest['method'],
    path: string,
    timeout: number,
    body?: string,
    contentType = 'application/json',
    more: Readonly<Record<string, string>> = {},
  ) {
    if (timeout <= 0) throw new MicroserviceError('no time is left', Code.DEADLINE_EXCEEDED);
    try {
      return await exchange(this.#http, {
        method,
        path,
        headers: {
          ...more,
          ...this.#headers,
          ...(body === undefined ? {} : { 'content-type': contentType }),
        },
        ...(body === undefined ? {} : { body }),
        headersTimeout: timeout,
        bodyTimeout: timeout,
      });
    } catch (error) {
      throw sidecarError(error, this.address);
    }
  }

  #expectOk(what: string, status: number, body: string): void {
    if (status < 300) return;
    // the sidecar's text names components and hosts, never what was written
    const message = `${what} failed: ${body.slice(0, 300)}`;
    const code = status >= 500 || status === 429 ? Code.UNAVAILABLE : Code.INTERNAL;
    throw new MicroserviceError(message, code, { reason: 'sidecar', status });
  }
}

/** One more than asked for: a store that counts whole seconds lets a document go up to one too early. */
function wholeSeconds(ttlSeconds: number): string {
  return String(ttlSeconds === NO_EXPIRY ? NO_EXPIRY : Math.ceil(ttlSeconds) + 1);
}

function assertFits(type: string, bytes: number): void {
  if (bytes <= MAX_EVENT_BYTES) return;
  const message = `${type} is of ${bytes} bytes; an event may have ${MAX_EVENT_BYTES}`;
  throw new MicroserviceError(message, Code.INVALID_ARGUMENT, { reason: 'too_large' });
}

function sidecarError(error: unknown, { httpPort }: SidecarAddress): MicroserviceError {
  const name = error instanceof Error && 'code' in error ? String(error.code) : '';
  const because = { cause: error };
  if (name === 'UND_ERR_HEADERS_TIMEOUT' || name === 'UND_ERR_BODY_TIMEOUT') {
    const message = 'the sidecar did not answer in time';
    return new MicroserviceError(message, Code.DEADLINE_EXCEEDED, { reason: 'timeout' }, because);
  }
  const message = `the sidecar on port ${String(httpPort)} cannot be reached`;
  return new MicroserviceError(message, Code.UNAVAILABLE, { reason: 'sidecar' }, because);
}
