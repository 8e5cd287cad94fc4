import { Client, Metadata, credentials } from '@grpc/grpc-js';
import { type Dispatcher, Pool } from 'undici';
import { exchange } from '#kit/adapters/dapr/http-exchange';
import type { Asked, MadeCall } from './recording';

/**
 * The sidecar as the kit uses it (kit/adapters/dapr/sidecar.ts): with the same paths, headers, connections
 * and protocols, so that the difference in cost is not the access to the sidecar.
 */
export class BareSidecar {
  readonly #http: Pool;
  readonly #grpc: Client;

  constructor(httpPort: string, grpcPort: string) {
    this.#http = new Pool(`http://127.0.0.1:${httpPort}`, {
      connections: 100,
      keepAliveTimeout: 90_000,
    });
    this.#grpc = new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure(), {
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_channelz': 0,
    });
  }

  /** The etag of a document; undefined if there is none. */
  async load(key: string): Promise<string | undefined> {
    const path = `/v1.0/state/state/${encodeURIComponent(key)}?consistency=strong`;
    const { status, headers, body } = await this.#exchange({ method: 'GET', path });
    if (status === 204 || body === '') return undefined;
    if (status >= 300) throw new Error(`${path} was answered ${status}: ${body}`);
    return String(headers['etag']);
  }

  /** The etags of the documents that exist. */
  async loadMany(keys: readonly string[]): Promise<Map<string, string>> {
    const path = '/v1.0/state/state/bulk';
    const text = JSON.stringify({ keys, parallelism: keys.length });
    const { status, body } = await this.#exchange({
      ...{ method: 'POST', path, body: text },
      headers: { 'content-type': 'application/json' },
    });
    if (status >= 300) throw new Error(`${path} was answered ${status}: ${body}`);
    // as the sidecar responds
    const items = JSON.parse(body) as { key: string; etag?: string }[];
    return new Map(items.flatMap(({ key, etag }) => (etag === undefined ? [] : [[key, etag]])));
  }

  async save(key: string, value: string, etag?: string, ttlSeconds?: number): Promise<void> {
    const tag = etag === undefined ? '' : `,"etag":${JSON.stringify(etag)}`;
    const ttl =
      ttlSeconds === undefined ? '' : `,"metadata":{"ttlInSeconds":"${String(ttlSeconds)}"}`;
    const item = `{"key":"${key}","value":${value},"options":${FIRST_WRITE}${tag}${ttl}}`;
    await this.#send('POST', '/v1.0/state/state', `[${item}]`);
  }

  async erase(key: string): Promise<void> {
    await this.#send('DELETE', `/v1.0/state/state/${encodeURIComponent(key)}`);
  }

  async publish(topic: string, subject: string, event: string): Promise<void> {
    const path = `/v1.0/publish/bus/${topic}?metadata.partitionKey=${encodeURIComponent(subject)}`;
    await this.#send('POST', path, event, 'application/cloudevents+json');
  }

  async send(binding: string, message: string): Promise<void> {
    await this.#send('POST', `/v1.0/bindings/${binding}`, message);
  }

  /** A recorded request to an endpoint, under this id. */
  async request(
    { endpoint, method, path, headers, body, status }: Asked,
    id: string,
  ): Promise<void> {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const answer = await this.#exchange({
      method,
      path: `/v1.0/invoke/${endpoint}/method${path}`,
      headers: { ...headers, 'idempotency-key': id, ...json },
      ...(body === undefined ? {} : { body }),
    });
    if (answer.status !== status) {
      throw new Error(`${endpoint} answered ${answer.status}: ${answer.body}`);
    }
  }

  /** A recorded call, under this id. */
  call({ app, path, metadata, request }: MadeCall, id: string): Promise<void> {
    const sent = new Metadata();
    for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
    sent.set('x-cause-id', id);
    sent.set('dapr-app-id', app);
    return new Promise((answered, failed) => {
      const bytes = Buffer.from(request, 'base64');
      const deadline = Date.now() + 30_000;
      this.#grpc.makeUnaryRequest(path, same, same, bytes, sent, { deadline }, (error) => {
        if (error === null) answered();
        else failed(error);
      });
    });
  }

  async isReady(): Promise<boolean> {
    try {
      const path = '/v1.0/healthz/outbound';
      return (await this.#exchange({ method: 'GET', path })).status === 204;
    } catch {
      return false;
    }
  }

  async #send(method: 'POST' | 'DELETE', path: string, body?: string, type = 'application/json') {
    const answer = await this.#exchange({
      ...{ method, path },
      ...(body === undefined ? {} : { body, headers: { 'content-type': type } }),
    });
    if (answer.status >= 300) {
      throw new Error(`${path} was answered ${answer.status}: ${answer.body}`);
    }
  }

  #exchange(request: Dispatcher.DispatchOptions) {
    return exchange(this.#http, { ...request, ...LIMITS });
  }
}

const FIRST_WRITE = '{"concurrency":"first-write","consistency":"strong"}';
const LIMITS = { headersTimeout: 30_000, bodyTimeout: 30_000 };
const same = (bytes: Buffer): Buffer => bytes;
