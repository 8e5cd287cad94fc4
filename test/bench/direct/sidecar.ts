import { type DescMethodUnary, type MessageShape, create } from '@bufbuild/protobuf';
import { setTimeout as sleep } from 'node:timers/promises';
import { asService } from '#kit/core/caller';
import type { CloudEvent } from '#kit/messages/cloud-event';
import { Code, MicroserviceError, unavailable } from '#kit/core/errors';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { operationsHandlers } from '#kit/operations/operations-service';
import type {
  CallResponse,
  CallRequest,
  EndpointResponse,
  EndpointRequest,
  StoredValue,
  Sidecar,
} from '#kit/transport/sidecar';
import { OperationsService } from '#proto/retail/operations/v1/operations_pb';

/** The sidecar's pause before it redelivers an event: see components/resiliency.yaml. */
const AGAIN_MS = 2_000;

/** A double of an external HTTP endpoint: its answers, without the network. */
export type Endpoint = (request: EndpointRequest) => EndpointResponse | Promise<EndpointResponse>;

/** Connects services in one process: their runtimes by name, and a bus that is a loop. */
export class Exchange {
  readonly hosts = new Map<string, ServiceRuntime>();
  readonly endpoints = new Map<string, Endpoint>();
  /** Events that are held back instead of delivered, by type. */
  readonly keptBack = new Map<string, CloudEvent[]>();
  #undone = 0;
  #settled: PromiseWithResolvers<unknown> | undefined;

  host(appId: string): ServiceRuntime {
    const runtime = this.hosts.get(appId);
    if (runtime === undefined) throw unavailable(`${appId} is not here`);
    return runtime;
  }

  /** Delivers an event to its subscribers; the publisher does not wait. */
  publish(event: CloudEvent): void {
    const kept = this.keptBack.get(event.type);
    if (kept !== undefined) {
      kept.push(event);
      return;
    }
    for (const runtime of this.hosts.values()) {
      if (runtime.service.events.has(event.type))
        void this.#deliver(runtime, event.type, JSON.stringify(event));
    }
  }

  /** Settles when every published event is handled. */
  async settled(): Promise<void> {
    if (this.#undone === 0) return;
    this.#settled ??= Promise.withResolvers<unknown>();
    await this.#settled.promise;
  }

  async #deliver(runtime: ServiceRuntime, type: string, text: string): Promise<void> {
    this.#undone++;
    // a runtime never throws, and accepts any object
    const again = () => runtime.deliver(JSON.parse(text) as Record<string, unknown>, type);
    while ((await again()) === 'RETRY') {
      await sleep(AGAIN_MS);
    }
    this.#undone--;
    if (this.#undone > 0) return;
    this.#settled?.resolve(undefined);
    this.#settled = undefined;
  }
}

/** The documents of one service as text, so that each load is a copy. */
export interface Texts {
  get(key: string): { readonly json: string; readonly etag: string } | undefined;
  set(key: string, json: string): void;
  delete(key: string): void;
}

export class MemoryTexts implements Texts {
  readonly #texts = new Map<string, { json: string; etag: string }>();
  #writes = 0;

  get(key: string) {
    return this.#texts.get(key);
  }

  set(key: string, json: string): void {
    this.#texts.set(key, { json, etag: String(++this.#writes) });
  }

  delete(key: string): void {
    this.#texts.delete(key);
  }
}

/**
 * The sidecar of one service with nothing between services: calls are function calls, and events are
 * passed on.
 */
export class DirectSidecar implements Sidecar {
  constructor(
    private readonly exchange: Exchange,
    private readonly documents: Texts,
  ) {}

  async load(key: string): Promise<StoredValue | undefined> {
    const stored = this.documents.get(key);
    return stored && { value: JSON.parse(stored.json), etag: stored.etag };
  }

  async loadMany(keys: readonly string[]): Promise<ReadonlyMap<string, StoredValue>> {
    const values = new Map<string, StoredValue>();
    for (const key of keys) {
      const stored = await this.load(key);
      if (stored !== undefined) values.set(key, stored);
    }
    return values;
  }

  async save(key: string, value: unknown, etag: string | undefined): Promise<boolean> {
    if (this.documents.get(key)?.etag !== etag) return false;
    this.documents.set(key, JSON.stringify(value));
    return true;
  }

  async delete(key: string): Promise<void> {
    this.documents.delete(key);
  }

  async publish(event: CloudEvent): Promise<void> {
    this.exchange.publish(event);
  }

  async publishAll(events: readonly CloudEvent[]): Promise<void> {
    for (const event of events) this.exchange.publish(event);
  }

  async call<M extends DescMethodUnary>(call: CallRequest<M>): Promise<CallResponse<M>> {
    const { appId, method, request, callContext } = call;
    const runtime = this.exchange.host(appId);
    const { response, published } =
      method.parent.typeName === OperationsService.typeName
        ? { response: await statusOf(runtime), published: [] }
        : await runtime.handleCall(method, request, callContext);
    // created from this very method's output
    return {
      response: create(method.output, { ...response }) as MessageShape<M['output']>,
      published,
    };
  }

  stream(): AsyncIterable<never> {
    throw new MicroserviceError('there are no streams here', Code.UNIMPLEMENTED);
  }

  async request(endpoint: string, request: EndpointRequest): Promise<EndpointResponse> {
    const answer = this.exchange.endpoints.get(endpoint);
    if (answer === undefined) throw unavailable(`${endpoint} is not here`);
    return answer(request);
  }

  /** Messages are dropped. */
  async send(): Promise<void> {}

  async schedule(): Promise<void> {
    throw new MicroserviceError('there are no jobs here', Code.UNIMPLEMENTED);
  }

  async unschedule(): Promise<void> {}
}

/** The only request of every service here. */
async function statusOf(runtime: ServiceRuntime) {
  const { getStatus } = operationsHandlers(runtime, {
    ...{ service: runtime.service.name, version: '', instance: runtime.service.name },
    ...{ startedAt: new Date(), checks: () => Promise.resolve([]) },
  });
  return getStatus(create(OperationsService.method.getStatus.input), { caller: asService() });
}
