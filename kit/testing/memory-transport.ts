import {
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
  create,
  fromBinary,
  toBinary,
} from '@bufbuild/protobuf';
import type { CloudEvent } from '../messages/cloud-event';
import type { Clock } from '../core/clock';
import { Code, MicroserviceError, unavailable } from '../core/errors';
import type { ServiceRuntime } from '../runtime/service-runtime';
import type {
  CallRequest,
  CallResponse,
  EndpointRequest,
  EndpointResponse,
  JobRequest,
  Sidecar,
  StoredValue,
  StreamRequest,
} from '../transport/sidecar';
import type { FakeEndpoint } from './fakes';
import { TEST_SIGNATURES } from './test-signatures';
import { type Memory, type StoredDocument, expiry } from './memory';

/** The process was killed: nothing that it does afterwards has an effect. */
export class Crash extends Error {
  constructor() {
    super('the process was killed');
    this.name = 'Crash';
  }
}

type AnyFake = (request: unknown, call: unknown) => unknown;

/** Faults to inject, by the number of the effect or write, counted from 1. */
export interface InjectedFaults {
  crashAfterEffect?: number;
  conflictOnSave?: number;
}

/** An in-memory sidecar: the transport below the kit in tests. It injects crashes and conflicts. */
export class MemoryTransport implements Sidecar {
  effects = 0;
  saves = 0;
  faults: InjectedFaults = {};
  dead = false;
  readonly died = Promise.withResolvers<never>();
  onPublish: (event: CloudEvent) => void = () => undefined;
  /** Runs after each effect, before the process continues: what other processes do meanwhile. */
  onEffect: (effect: number) => Promise<void> = () => Promise.resolve();
  /** Services that run in the same test, and so need no fakes; by app id. */
  peers: Readonly<Record<string, { runtime: ServiceRuntime }>> = {};

  constructor(
    readonly memory: Memory,
    private readonly clock: Clock,
    private readonly fakes: Readonly<Record<string, Readonly<Record<string, AnyFake>>>>,
    private readonly endpoints: Readonly<Record<string, FakeEndpoint>> = {},
  ) {
    // a crash that no test waits for is not an unhandled rejection
    this.died.promise.catch(() => undefined);
  }

  async load(key: string): Promise<StoredValue | undefined> {
    await this.#turn();
    const stored = this.#stored(key);
    if (stored === undefined) return undefined;
    const value: unknown = JSON.parse(stored.json);
    return { value, etag: stored.etag };
  }

  async loadMany(keys: readonly string[]): Promise<ReadonlyMap<string, StoredValue>> {
    await this.#turn();
    const values = new Map<string, StoredValue>();
    for (const key of keys) {
      const stored = this.#stored(key);
      if (stored !== undefined)
        values.set(key, { value: JSON.parse(stored.json), etag: stored.etag });
    }
    return values;
  }

  async save(
    key: string,
    value: unknown,
    etag: string | undefined,
    _timeout: number,
    ttlSeconds?: number,
  ): Promise<boolean> {
    await this.#turn();
    const stored = this.#stored(key);
    this.saves++;
    if (this.saves === this.faults.conflictOnSave) {
      // another writer was first: it rewrote the document, or created one that was deleted again
      if (stored !== undefined) this.memory.write(key, JSON.parse(stored.json), stored.expires);
      return false;
    }
    if (stored?.etag !== etag) return false;
    // as the strictest stores: a write keeps the earlier expiry, and changes it in a second step
    this.memory.write(key, value, stored?.expires);
    await this.#effect();
    if (ttlSeconds === undefined) return true;
    this.memory.setExpiry(key, expiry(ttlSeconds, this.clock.now()));
    await this.#effect();
    return true;
  }

  async delete(key: string): Promise<void> {
    await this.#turn();
    this.memory.documents.delete(key);
    await this.#effect();
  }

  async publish(event: CloudEvent): Promise<void> {
    await this.#turn();
    const copy = throughJson(TEST_SIGNATURES.sign(event));
    this.memory.events.push(copy);
    this.onPublish(copy);
    await this.#effect();
  }

  async publishAll(events: readonly CloudEvent[]): Promise<void> {
    // one after another, so that a crash can happen in between
    for (const event of events) await this.publish(event);
  }

  async call<M extends DescMethodUnary>(call: CallRequest<M>): Promise<CallResponse<M>> {
    await this.#turn();
    const { appId, method, request, callContext } = call;
    // serialized and deserialized, so that a message that protobuf rejects fails here too
    const received = fromBinary(method.input, toBinary(method.input, request));
    const peer = this.peers[appId];
    if (peer !== undefined) {
      // deserialized as the input of this method
      const ownRequest = received as CallRequest<M>['request'];
      const result = await peer.runtime.handleCall(method, ownRequest, callContext);
      await this.#effect();
      const response = create(method.output, { ...result.response });
      return { response: response as CallResponse<M>['response'], published: result.published };
    }
    const fake = this.fakes[appId]?.[method.localName];
    if (fake === undefined) throw withoutFake(appId, method.localName);
    this.memory.calls.push({
      appId,
      method: method.localName,
      request: received,
      causeId: callContext.id,
    });
    const output = await fake(received, { ...call, request: received });
    await this.#effect();
    // a fake is typed by its method: see Fakes
    const message = create(method.output, output as MessageInitShape<M['output']>);
    return { response: message as CallResponse<M>['response'], published: [] };
  }

  async *stream<M extends DescMethodServerStreaming>(
    call: StreamRequest<M>,
  ): AsyncIterable<MessageShape<M['output']>> {
    const { appId, method, request, callContext, signal } = call;
    const received = fromBinary(method.input, toBinary(method.input, request));
    const peer = this.peers[appId];
    const fake = this.fakes[appId]?.[method.localName];
    if (peer === undefined && fake === undefined) throw withoutFake(appId, method.localName);
    // deserialized as the input of this method; a fake is typed by its method: see Fakes
    const messages = (
      peer === undefined
        ? fake?.(received, call)
        : peer.runtime.handleStream(
            method,
            received as StreamRequest<M>['request'],
            callContext,
            signal,
          )
    ) as AsyncIterable<MessageInitShape<M['output']>>;
    for await (const message of messages) {
      const bytes = toBinary(method.output, create(method.output, message));
      yield fromBinary(method.output, bytes) as MessageShape<M['output']>;
    }
  }

  async send(
    binding: string,
    operation: string,
    data: unknown,
    metadata: Readonly<Record<string, string>>,
  ): Promise<void> {
    await this.#turn();
    const sent = data instanceof Uint8Array ? Buffer.from(data).toString() : data;
    this.memory.sent.push({ binding, operation, data: sent, metadata });
    await this.#effect();
  }

  async request(
    endpoint: string,
    request: EndpointRequest,
    timeout: number,
  ): Promise<EndpointResponse> {
    await this.#turn();
    const fake = this.endpoints[endpoint];
    if (fake === undefined) throw unavailable(`${endpoint} cannot be reached`);
    const sent = throughJson(request);
    this.memory.requests.push({ endpoint, ...sent });
    // the request is an effect also if it fails, so a crash can follow it
    const respond = async () => this.#withTimeout(timeout, endpoint, fake(sent));
    const [response] = await Promise.allSettled([respond()]);
    await this.#effect();
    if (response.status === 'rejected') throw response.reason;
    return throughJson(response.value);
  }

  async schedule(job: JobRequest): Promise<void> {
    await this.#turn();
    this.memory.jobs.set(job.name, job);
    await this.#effect();
  }

  async unschedule(name: string): Promise<void> {
    await this.#turn();
    this.memory.jobs.delete(name);
    await this.#effect();
  }

  /** Kills the process: from now on nothing that it does has an effect. */
  kill(): Crash {
    const crash = new Crash();
    this.dead = true;
    this.died.reject(crash);
    return crash;
  }

  #stored(key: string): StoredDocument | undefined {
    const stored = this.memory.documents.get(key);
    return stored !== undefined && stored.expires > this.clock.now() ? stored : undefined;
  }

  /** Lets other executions run first, as any exchange with a real sidecar does. */
  async #turn(): Promise<void> {
    await Promise.resolve();
    if (this.dead) throw new Crash();
  }

  async #withTimeout<T>(timeout: number, endpoint: string, response: T | Promise<T>): Promise<T> {
    if (!(response instanceof Promise)) return response;
    const answered = new AbortController();
    const timedOut = this.clock.sleep(timeout, answered.signal).then(() => {
      throw new MicroserviceError(`${endpoint} did not answer in time`, Code.DEADLINE_EXCEEDED, {
        reason: 'timeout',
      });
    });
    try {
      return await Promise.race([response, timedOut]);
    } finally {
      answered.abort();
    }
  }

  async #effect(): Promise<void> {
    const effect = ++this.effects;
    if (effect === this.faults.crashAfterEffect) throw this.kill();
    await this.onEffect(effect);
  }
}

function withoutFake(appId: string, method: string): MicroserviceError {
  return new MicroserviceError(`${appId} has no fake for ${method}`, Code.UNIMPLEMENTED);
}

/** The value after JSON serialization and parsing. */
function throughJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
