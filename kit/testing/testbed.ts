import {
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
  create,
  fromBinary,
  toBinary,
} from '@bufbuild/protobuf';
import { type CallContext, newCallContext } from '../core/call-context';
import { type Caller, anonymous, asService } from '../core/caller';
import { deterministicId } from '../core/deterministic-id';
import { silentLog } from '../core/log';
import { Metrics } from '../core/metrics';
import type { AckStatus } from '../delivery/event-dispatcher';
import type { FlagSource } from '../flags/flags';
import type { CloudEvent } from '../messages/cloud-event';
import type { Contract, EventData, EventInput } from '../messages/contract';
import { ServiceRuntime } from '../runtime/service-runtime';
import type { Context } from '../service/context';
import type { Definition, UnaryOf } from '../service/definition';
import type { BindingMessage } from '../service/handlers';
import type { Service } from '../service/service';
import { FakeClock } from './fake-clock';
import { replyFromFake } from './fake-replies';
import { Memory, type SentMessage } from './memory';
import { Crash, type InjectedFaults, MemoryTransport } from './memory-transport';
import { TEST_SIGNATURES, signedByItsSource } from './test-signatures';
import type { CallOptions, FlagValues, TestbedOptions } from './testbed-options';

type Method<D extends Definition, M extends keyof UnaryOf<NonNullable<D['serves']>>> = UnaryOf<
  NonNullable<D['serves']>
>[M];

/** A service without processes: the real kit over an in-memory transport. */
export class Testbed<D extends Definition> {
  readonly clock: FakeClock;
  readonly memory: Memory;
  sidecar!: MemoryTransport;
  runtime!: ServiceRuntime;
  #calls = 0;
  /** Events to which this service subscribes itself, until they are acknowledged. */
  #pending: CloudEvent[] = [];

  constructor(
    readonly service: Service<D>,
    private readonly options: TestbedOptions<D> = {},
  ) {
    this.clock = options.clock ?? new FakeClock();
    this.memory = options.memory ?? new Memory();
    this.restart();
  }

  /** Starts a new process with the memory of the old one. */
  restart(): void {
    const { flags = {}, endpoints = {}, config, log = silentLog } = this.options;
    const { publishes = () => true, readStore } = this.options;
    // a fake is typed by its method; the transport finds it by name
    const fakes = (this.options.calls ?? {}) as ConstructorParameters<typeof MemoryTransport>[2];
    const sidecar = new MemoryTransport(this.memory, this.clock, fakes, endpoints);
    this.sidecar = sidecar;
    this.runtime = new ServiceRuntime(this.service, {
      sidecar,
      clock: {
        now: () => this.clock.now(),
        // a dead process never wakes up
        sleep: (milliseconds, signal) =>
          sidecar.dead ? sidecar.died.promise : this.clock.sleep(milliseconds, signal),
      },
      random: () => 0.5,
      log,
      metrics: new Metrics(),
      flags: fakeFlags(flags),
      publishes,
      signatures: TEST_SIGNATURES,
      config,
      ...(readStore === undefined ? {} : { readStore }),
    });
    // a fake is typed by its contract; it is found by name
    const replies = (this.options.replies ?? {}) as Parameters<typeof replyFromFake>[2];
    sidecar.onPublish = (event) => {
      const reply = replyFromFake(event, this.service, replies);
      const published = reply === undefined ? [event] : [event, reply];
      this.#pending.push(...published.filter(({ type }) => this.service.topics.includes(type)));
      void this.#deliverPending();
    };
  }

  /** Calls a method of the service. Throws its MicroserviceError, or a Crash. */
  async call<M extends keyof UnaryOf<NonNullable<D['serves']>> & string>(
    name: M,
    request: MessageInitShape<Method<D, M>['input']>,
    options: CallOptions = {},
  ): Promise<MessageShape<Method<D, M>['output']>> {
    const method: DescMethod | undefined = this.service.definition.serves?.method[name];
    if (method?.methodKind !== 'unary') throw new Error(`${name} is not a unary method`);
    // the check above narrows the kind, but not the descriptor's type
    const unary = method as DescMethodUnary;
    const { response } = await this.#unlessCrashed(
      this.runtime.handleCall(unary, create(unary.input, request), this.#callContext(options)),
    );
    // serialized and deserialized, so that a response that protobuf rejects fails here too
    const bytes = toBinary(unary.output, create(unary.output, { ...response }));
    // deserialized as the output of this method
    return fromBinary(unary.output, bytes) as MessageShape<Method<D, M>['output']>;
  }

  /** Calls a method of the service that returns a stream. */
  stream(
    name: keyof NonNullable<D['serves']>['method'] & string,
    request: Record<string, unknown>,
    signal: AbortSignal,
    options: CallOptions = {},
  ): AsyncIterable<unknown> {
    const method: DescMethod | undefined = this.service.definition.serves?.method[name];
    if (method?.methodKind !== 'server_streaming') {
      throw new Error(`${name} is not a method that returns a stream`);
    }
    // the check above narrows the kind, but not the descriptor's type
    const streaming = method as DescMethodServerStreaming;
    const callContext = this.#callContext(options);
    return this.runtime.handleStream(
      streaming,
      create(streaming.input, request),
      callContext,
      signal,
    );
  }

  /** Delivers an event, command or request: see `deliver`. */
  async handleEvent<C extends Contract>(
    contract: C,
    data: EventInput<C>,
    options: CallOptions & { sequence?: number; version?: number } = {},
  ): Promise<AckStatus | 'PARKED'> {
    return this.deliver(this.eventOf(contract, data, options));
  }

  /** Delivers events in one batch. */
  async deliverAll(batch: readonly Record<string, unknown>[]): Promise<AckStatus[]> {
    const topic = String(batch[0]?.['type']);
    return this.#unlessCrashed(this.runtime.deliverAll(batch.map(signedByItsSource), topic));
  }

  /** An event as another service publishes it. */
  eventOf<C extends Contract>(
    contract: C,
    data: EventInput<C>,
    options: CallOptions & { sequence?: number; version?: number } = {},
  ): Record<string, unknown> {
    const callContext = this.#callContext(options);
    return {
      specversion: '1.0',
      id: callContext.id,
      type: contract.type,
      source: contract.kind === 'command' ? this.service.name : 'test',
      subject: contract.subject(contract.data.parse(data)),
      time: new Date(this.clock.now()).toISOString(),
      eventversion: options.version ?? contract.version,
      correlationid: callContext.correlationId,
      sequence: options.sequence ?? 1,
      tenantid: callContext.caller.tenantId,
      ...(contract.kind === 'request' ? { replyto: 'test.replies' } : {}),
      data: JSON.parse(JSON.stringify(data)) as unknown,
    };
  }

  /**
   * Delivers an event, valid or not; by default on the topic of its type. An event without a signature gets
   * one of its source. PARKED: the service tries it again later. To deliver a parked event makes another
   * attempt of it.
   */
  async deliver(
    event: Record<string, unknown>,
    topic = String(event['type']),
  ): Promise<AckStatus | 'PARKED'> {
    const id = String(event['id']);
    if (this.isParked(id)) await this.#unlessCrashed(this.runtime.parkedEvents.tryAll());
    else {
      const signed = signedByItsSource(event);
      const status = await this.#unlessCrashed(this.runtime.deliver(signed, topic));
      if (status !== 'SUCCESS') return status;
    }
    return this.isParked(id) ? 'PARKED' : 'SUCCESS';
  }

  /** Whether an event waits to be tried again. It does not if the process died while it parked it. */
  isParked(id: string): boolean {
    const { documents } = this.memory;
    const isQueued = ([key, { json }]: [string, { json: string }]) =>
      key.startsWith('parked-subject:') && json.includes(JSON.stringify(id));
    return documents.has(`parked-event:${id}`) && [...documents].some(isQueued);
  }

  /** Delivers a message of an input binding. */
  async handleBindingMessage(binding: string, message: BindingMessage): Promise<void> {
    await Promise.race([
      this.runtime.handleBindingMessage(binding, message),
      this.sidecar.died.promise,
    ]);
  }

  /** Runs a job that the service has scheduled, as if it were due. */
  async runJob(name: string): Promise<void> {
    const recurring = this.service.schedules.has(name) ? { job: name, data: {} } : undefined;
    const data = this.memory.jobs.get(name)?.data ?? recurring;
    if (data === undefined) throw new Error(`no job ${name} is scheduled`);
    await Promise.race([this.runtime.runJob(data), this.sidecar.died.promise]);
  }

  /** Runs an interval task, as if its interval were over. */
  async runIntervalTask(name: string): Promise<void> {
    await Promise.race([this.runtime.runIntervalTask(name), this.sidecar.died.promise]);
  }

  /** Delivers the events that the service published to itself until all are acknowledged, or it is killed. */
  async settle(): Promise<void> {
    for (let rounds = 0; this.#pending.length > 0 && !this.sidecar.dead; rounds++) {
      if (rounds > 50) throw new Error(`${this.#pending[0]?.type ?? ''} is never acknowledged`);
      await this.#deliverPending();
    }
    await this.runtime.whenIdle();
  }

  /** A context as handlers receive it, to prepare and read documents. */
  context(caller: Caller = anonymous()): Context<D> {
    return this.runtime.openContext(this.#callContext({ caller })) as unknown as Context<D>;
  }

  /** The data of the published events of a contract, in order, each event once. */
  published<C extends Contract>(contract: C): EventData<C>[] {
    const events = new Map(this.memory.events.map((event) => [event.id, event]));
    return [...events.values()]
      .filter(({ type }) => type === contract.type)
      .map(({ data }) => contract.data.parse(data) as EventData<C>);
  }

  /** The messages sent through output bindings. */
  get sentMessages(): readonly SentMessage[] {
    return this.memory.sent;
  }

  /** How many times a method of another service was called. */
  callCount(appId: string, method: string): number {
    return this.memory.calls.filter((call) => call.appId === appId && call.method === method)
      .length;
  }

  /** Injects faults, by effects and writes counted from now on. */
  injectFaults(faults: InjectedFaults): void {
    this.sidecar.effects = 0;
    this.sidecar.saves = 0;
    this.sidecar.faults = faults;
  }

  async #deliverPending(): Promise<void> {
    for (const event of [...this.#pending]) {
      try {
        if ((await this.deliver(event)) !== 'SUCCESS') continue;
      } catch (error) {
        if (error instanceof Crash) return;
        throw error;
      }
      this.#pending = this.#pending.filter(({ id }) => id !== event.id);
    }
  }

  /**
   * The result of the process. Throws a Crash if it dies first, because then it has returned
   * nothing.
   */
  async #unlessCrashed<R>(work: Promise<R>): Promise<R> {
    const { sidecar } = this;
    const result = await Promise.race([work, sidecar.died.promise]);
    if (sidecar.dead) throw new Crash();
    return result;
  }

  #callContext({ id, caller, ...fields }: CallOptions): CallContext {
    return newCallContext(this.clock, {
      id: id ?? deterministicId('test', ++this.#calls),
      caller: caller ?? asService(),
      ...fields,
    });
  }
}

function fakeFlags(flags: FlagValues | ((caller: Caller) => FlagValues)): FlagSource {
  return {
    for: (caller) => {
      const values = typeof flags === 'function' ? flags(caller) : flags;
      return {
        enabled: async (feature) => values[feature] !== undefined && values[feature] !== false,
        value: async (feature) => values[feature],
      };
    },
    ready: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

/** A testbed for a service. Fakes handle its calls; everything else is the real kit. */
export function testbed<const D extends Definition>(
  service: Service<D>,
  options: TestbedOptions<D> = {},
): Testbed<D> {
  return new Testbed(service, options);
}
