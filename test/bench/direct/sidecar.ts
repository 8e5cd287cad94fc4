import { type DescMethodUnary, create } from '@bufbuild/protobuf';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CloudEvent } from '#kit/cloud-event';
import { Code, MicroserviceError, unavailable } from '#kit/errors';
import type { Host } from '#kit/host';
import type {
  CallAnswer,
  CallRequest,
  EndpointAnswer,
  EndpointRequest,
  Loaded,
  Sidecar,
} from '#kit/sidecar';

/** As the sidecar waits before it gives an event again: see components/resiliency.yaml. */
const AGAIN_MS = 2_000;

/** What stands for an HTTP endpoint outside: its answers, without the wire. */
export type Endpoint = (request: EndpointRequest) => EndpointAnswer | Promise<EndpointAnswer>;

/** What connects services in one process: their hosts by name, and a bus that is a loop. */
export class Exchange {
  readonly hosts = new Map<string, Host>();
  readonly endpoints = new Map<string, Endpoint>();
  #undone = 0;
  #settled: PromiseWithResolvers<unknown> | undefined;

  host(appId: string): Host {
    const host = this.hosts.get(appId);
    if (host === undefined) throw unavailable(`${appId} is not here`);
    return host;
  }

  /** Gives an event to whoever hears it; nobody waits for them. */
  say(event: CloudEvent): void {
    for (const host of this.hosts.values()) {
      if (host.service.events.has(event.type)) void this.#deliver(host, JSON.stringify(event));
    }
  }

  /** Settles when every event that was said is handled. */
  async settled(): Promise<void> {
    if (this.#undone === 0) return;
    this.#settled ??= Promise.withResolvers<unknown>();
    await this.#settled.promise;
  }

  async #deliver(host: Host, text: string): Promise<void> {
    this.#undone++;
    // a host never throws, and takes what is an object
    while ((await host.deliver(JSON.parse(text) as Record<string, unknown>)) === 'RETRY') {
      await sleep(AGAIN_MS);
    }
    this.#undone--;
    if (this.#undone > 0) return;
    this.#settled?.resolve(undefined);
    this.#settled = undefined;
  }
}

/**
 * The world of one service where nothing lies between services: documents are texts in memory,
 * calls are calls. What a service gets is a copy, as nothing that it is given is its own.
 */
export class DirectSidecar implements Sidecar {
  readonly #documents = new Map<string, { json: string; etag: string }>();
  #writes = 0;

  constructor(private readonly exchange: Exchange) {}

  async load(key: string): Promise<Loaded | undefined> {
    const stored = this.#documents.get(key);
    return stored && { value: JSON.parse(stored.json), etag: stored.etag };
  }

  async save(key: string, value: unknown, etag: string | undefined): Promise<boolean> {
    if (this.#documents.get(key)?.etag !== etag) return false;
    this.#documents.set(key, { json: JSON.stringify(value), etag: String(++this.#writes) });
    return true;
  }

  async erase(key: string): Promise<void> {
    this.#documents.delete(key);
  }

  async publish(event: CloudEvent): Promise<void> {
    this.exchange.say(event);
  }

  async call<M extends DescMethodUnary>(call: CallRequest<M>): Promise<CallAnswer<M>> {
    const { appId, method, request, cause } = call;
    const { response, said } = await this.exchange.host(appId).answer(method, request, cause);
    // made of this very method's output
    return { response: create(method.output, { ...response }) as typeof response, said };
  }

  async request(endpoint: string, request: EndpointRequest): Promise<EndpointAnswer> {
    const answer = this.exchange.endpoints.get(endpoint);
    if (answer === undefined) throw unavailable(`${endpoint} is not here`);
    return answer(request);
  }

  /** Letters go nowhere. */
  async send(): Promise<void> {}

  async schedule(): Promise<void> {
    throw new MicroserviceError('there are no jobs here', Code.UNIMPLEMENTED);
  }

  async unschedule(): Promise<void> {}
}
