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
import { Code, MicroserviceError } from '../core/errors';
import type { ServiceRuntime } from '../runtime/service-runtime';
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
} from '../transport/sidecar';

/** The process was killed: nothing that it does after this has an effect. */
export class Crash extends Error {
  constructor() {
    super('the process was killed');
    this.name = 'Crash';
  }
}

export interface SentMessage {
  binding: string;
  operation: string;
  /** Bytes as their text. */
  data: unknown;
  metadata: Readonly<Record<string, string>>;
}

interface Stored {
  readonly json: string;
  readonly etag: string;
  readonly expires: number;
}

/** What outlives a process: its documents, what it said and sent, its jobs. */
export class Memory {
  readonly documents = new Map<string, Stored>();
  readonly events: CloudEvent[] = [];
  readonly sent: SentMessage[] = [];
  readonly jobs = new Map<string, JobRequest>();
  readonly calls: { appId: string; method: string; request: unknown; causeId: string }[] = [];
  readonly requests: (EndpointRequest & { endpoint: string })[] = [];
  #etags = 0;

  write(key: string, value: unknown, expires = Infinity): void {
    this.writeJson(key, JSON.stringify(value), expires);
  }

  writeJson(key: string, json: string, expires = Infinity): void {
    this.documents.set(key, { json, etag: String(++this.#etags), expires });
  }

  /** Gives what is there until when it is. */
  setExpiry(key: string, expires: number): void {
    const stored = this.documents.get(key);
    if (stored !== undefined) this.documents.set(key, { ...stored, expires });
  }
}

/** Answers a call: the response, or a MicroserviceError. */
export type Fake<M extends DescMethodUnary> = (
  request: CallRequest<M>['request'],
  call: CallRequest<M>,
) => Promise<MessageInitShape<M['output']>> | MessageInitShape<M['output']>;

/** Answers a call by many messages. */
export type FakeStream<M extends DescMethodServerStreaming> = (
  request: StreamRequest<M>['request'],
  call: StreamRequest<M>,
) => AsyncIterable<MessageInitShape<M['output']>>;

type AnyFake = (request: unknown, call: unknown) => unknown;

/**
 * An HTTP endpoint: answers, throws UNAVAILABLE where it shall not be reached, or gives a promise
 * that never settles where it shall stay silent. Its body was JSON on the way, both ways.
 */
export type FakeEndpoint = (
  request: EndpointRequest,
) => EndpointResponse | Promise<EndpointResponse>;

/** What shall go wrong, and when; counted from 1. */
export interface InjectedFaults {
  crashAfterEffect?: number;
  conflictOnSave?: number;
}

/** A sidecar in memory: the transport below the kit, and the place where a test makes it fail. */
export class MemoryTransport implements Sidecar {
  effects = 0;
  saves = 0;
  faults: InjectedFaults = {};
  dead = false;
  readonly died = Promise.withResolvers<never>();
  onPublish: (event: CloudEvent) => void = () => undefined;
  /** What else happens in the world after an effect, before this process goes on. */
  onEffect: (effect: number) => Promise<void> = () => Promise.resolve();
  /** Services that are there as such, and need no fakes. */
  peers: Readonly<Record<string, { runtime: ServiceRuntime }>> = {};

  constructor(
    readonly memory: Memory,
    private readonly clock: Clock,
    private readonly fakes: Readonly<Record<string, Readonly<Record<string, AnyFake>>>>,
    private readonly endpoints: Readonly<Record<string, FakeEndpoint>> = {},
  ) {
    // a crash that no test waits for is no unhandled rejection
    this.died.promise.catch(() => undefined);
  }

  async load(key: string): Promise<StoredValue | undefined> {
    await this.#turn();
    const stored = this.#stored(key);
    if (stored === undefined) return undefined;
    const value: unknown = JSON.parse(stored.json);
    return { value, etag: stored.etag };
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
      // somebody else writes first: what is there under a new tag, or a document and its removal
      if (stored !== undefined) this.memory.write(key, JSON.parse(stored.json), stored.expires);
      return false;
    }
    if (stored?.etag !== etag) return false;
    // as the strictest of stores: what had a time to live has it still, and gets another in a second step
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
    const copy = overTheWire(event);
    this.memory.events.push(copy);
    this.onPublish(copy);
    await this.#effect();
  }

  async publishAll(events: readonly CloudEvent[]): Promise<void> {
    // one after the other, as a process may be killed in the middle of them
    for (const event of events) await this.publish(event);
  }

  async call<M extends DescMethodUnary>(call: CallRequest<M>): Promise<CallResponse<M>> {
    await this.#turn();
    const { appId, method, request, callContext } = call;
    // over the wire and back, so that a message which protobuf would refuse fails here too
    const arrived = fromBinary(method.input, toBinary(method.input, request));
    const peer = this.peers[appId];
    if (peer !== undefined) {
      // read by this very method, which is what the types cannot follow
      const answer = await peer.runtime.handleCall(
        method,
        arrived as CallRequest<M>['request'],
        callContext,
      );
      await this.#effect();
      const response = create(method.output, { ...answer.response });
      return { response: response as CallResponse<M>['response'], published: answer.published };
    }
    const fake = this.fakes[appId]?.[method.localName];
    if (fake === undefined) {
      throw new MicroserviceError(`${appId} has no ${method.localName} here`, Code.UNIMPLEMENTED);
    }
    this.memory.calls.push({
      appId,
      method: method.localName,
      request: arrived,
      causeId: callContext.id,
    });
    const answered = await fake(arrived, { ...call, request: arrived });
    await this.#effect();
    // a fake is typed by its method: see Fakes of the testbed
    const message = create(method.output, answered as MessageInitShape<M['output']>);
    return { response: message as CallResponse<M>['response'], published: [] };
  }

  async *stream<M extends DescMethodServerStreaming>(
    call: StreamRequest<M>,
  ): AsyncIterable<MessageShape<M['output']>> {
    const { appId, method, request, callContext, signal } = call;
    const arrived = fromBinary(method.input, toBinary(method.input, request));
    const peer = this.peers[appId];
    const fake = this.fakes[appId]?.[method.localName];
    if (peer === undefined && fake === undefined) {
      throw new MicroserviceError(`${appId} has no ${method.localName} here`, Code.UNIMPLEMENTED);
    }
    // read by this very method, which is what the types cannot follow, and typed by it: see Fakes
    const messages = (
      peer === undefined
        ? fake?.(arrived, call)
        : peer.runtime.handleStream(
            method,
            arrived as StreamRequest<M>['request'],
            callContext,
            signal,
          )
    ) as AsyncIterable<MessageInitShape<M['output']>>;
    for await (const message of messages) {
      const sent = toBinary(method.output, create(method.output, message));
      yield fromBinary(method.output, sent) as MessageShape<M['output']>;
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
    if (fake === undefined) {
      throw new MicroserviceError(`${endpoint} cannot be reached`, Code.UNAVAILABLE);
    }
    const sent = overTheWire(request);
    this.memory.requests.push({ endpoint, ...sent });
    // asked is asked: also without an answer there may be an effect to be killed after
    const asking = async () => this.#within(timeout, endpoint, fake(sent));
    const [answer] = await Promise.allSettled([asking()]);
    await this.#effect();
    if (answer.status === 'rejected') throw answer.reason;
    return overTheWire(answer.value);
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

  /** From here on the process has no effect any more. */
  kill(): Crash {
    const crash = new Crash();
    this.dead = true;
    this.died.reject(crash);
    return crash;
  }

  #stored(key: string): Stored | undefined {
    const stored = this.memory.documents.get(key);
    return stored !== undefined && stored.expires > this.clock.now() ? stored : undefined;
  }

  /** Lets others run first, as every real exchange does. */
  async #turn(): Promise<void> {
    await Promise.resolve();
    if (this.dead) throw new Crash();
  }

  async #within<T>(timeout: number, whom: string, answer: T | Promise<T>): Promise<T> {
    if (!(answer instanceof Promise)) return answer;
    const answered = new AbortController();
    const silence = this.clock.sleep(timeout, answered.signal).then(() => {
      throw new MicroserviceError(`${whom} did not answer in time`, Code.DEADLINE_EXCEEDED, {
        reason: 'timeout',
      });
    });
    try {
      return await Promise.race([answer, silence]);
    } finally {
      answered.abort();
    }
  }

  async #effect(): Promise<void> {
    const effect = ++this.effects;
    if (effect === this.faults.crashAfterEffect) {
      throw this.kill();
    }
    await this.onEffect(effect);
  }
}

/** When what has so many seconds to live goes, in epoch milliseconds. */
export function expiry(ttlSeconds: number, now: number): number {
  return ttlSeconds === NO_EXPIRY ? Infinity : now + ttlSeconds * 1000;
}

/** What arrives is what JSON makes of it. */
function overTheWire<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
