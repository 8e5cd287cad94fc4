import {
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
  create,
  fromBinary,
  toBinary,
} from '@bufbuild/protobuf';
import type { z } from 'zod';
import type { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import { type Caller, DEFAULT_TENANT, anonymous } from '../core/caller';
import { type FakeReplies, replyFromFake } from './fake-replies';
import { FakeClock } from './fake-clock';
import { type CloudEvent } from '../messages/cloud-event';
import type { Contract, EventData, EventInput } from '../messages/contract';
import { type CallContext, newCallContext } from '../core/call-context';
import { deterministicId } from '../core/deterministic-id';
import { ServiceRuntime } from '../runtime/service-runtime';
import { type Log, silentLog } from '../core/log';
import {
  Crash,
  type Fake,
  type FakeEndpoint,
  type FakeStream,
  type InjectedFaults,
  Memory,
  MemoryTransport,
  type SentMessage,
} from './memory-transport';
import { Metrics } from '../core/metrics';
import type { Context } from '../service/context';
import type { BindingMessage } from '../service/handlers';
import type { Definition, UnaryOf } from '../service/definition';
import type { Service } from '../service/service';

/** Answers for the calls of a service, typed by whom it calls; a method that is missing is UNIMPLEMENTED. */
export type Fakes<D extends Definition> = {
  readonly [A in keyof NonNullable<D['calls']>]?: FakesOf<NonNullable<D['calls']>[A]> &
    FakesOf<typeof OperationsService>;
};

type FakesOf<S extends DescService> = {
  readonly [M in keyof S['method']]?: S['method'][M] extends DescMethodServerStreaming
    ? FakeStream<S['method'][M]>
    : Fake<UnaryOf<S>[M]>;
};

type FlagValues = Readonly<Record<string, boolean | string | number>>;

export interface TestbedOptions<D extends Definition> {
  calls?: Fakes<D>;
  /** Answers for what is asked over the bus; what is missing is never answered. */
  replies?: FakeReplies<D>;
  /** Answers for the HTTP endpoints; one that is missing cannot be reached. */
  endpoints?: Readonly<Partial<Record<NonNullable<D['endpoints']>[number], FakeEndpoint>>>;
  config?: NonNullable<D['config']> extends z.ZodType
    ? z.output<NonNullable<D['config']>>
    : undefined;
  flags?: FlagValues | ((caller: Caller) => FlagValues);
  clock?: FakeClock;
  log?: Log;
  /** Another testbed's: then this is a second process of the same service. */
  memory?: Memory;
}

/** What a call or an event of a test comes with. */
export interface CallOptions extends Partial<
  Pick<CallContext, 'caller' | 'correlationId' | 'respondAsync' | 'hasIdempotencyKey'>
> {
  /** The same id asked again is the same work. A fresh one by default. */
  id?: string;
}

type Method<D extends Definition, M extends keyof UnaryOf<NonNullable<D['serves']>>> = UnaryOf<
  NonNullable<D['serves']>
>[M];

/** A service without processes: the real kit over a sidecar in memory. */
export class Testbed<D extends Definition> {
  readonly clock: FakeClock;
  readonly memory: Memory;
  sidecar!: MemoryTransport;
  runtime!: ServiceRuntime;
  #fresh = 0;
  /** Events that this service hears itself, and has not acknowledged. */
  #pending: CloudEvent[] = [];

  constructor(
    readonly service: Service<D>,
    private readonly options: TestbedOptions<D> = {},
  ) {
    this.clock = options.clock ?? new FakeClock();
    this.memory = options.memory ?? new Memory();
    this.restart();
  }

  /** Starts the process anew, over what the old one left. */
  restart(): void {
    // the type of a fake is known by its method; the sidecar keeps them by name
    const fakes = (this.options.calls ?? {}) as ConstructorParameters<typeof MemoryTransport>[2];
    const { flags = {}, endpoints = {} } = this.options;
    const sidecar = new MemoryTransport(this.memory, this.clock, fakes, endpoints);
    this.sidecar = sidecar;
    this.runtime = new ServiceRuntime(this.service, {
      sidecar,
      clock: {
        now: () => this.clock.now(),
        // a dead process never wakes
        sleep: (milliseconds, signal) =>
          sidecar.dead ? sidecar.died.promise : this.clock.sleep(milliseconds, signal),
      },
      random: () => 0.5,
      log: this.options.log ?? silentLog,
      metrics: new Metrics(),
      flags: {
        for: (caller) => {
          const values = typeof flags === 'function' ? flags(caller) : flags;
          return {
            enabled: async (feature) => values[feature] !== undefined && values[feature] !== false,
            value: async (feature) => values[feature],
          };
        },
        ready: () => Promise.resolve(),
        close: () => Promise.resolve(),
      },
      config: this.options.config,
    });
    // a fake is typed by its contract, and kept by its name
    const answers = (this.options.replies ?? {}) as Parameters<typeof replyFromFake>[2];
    sidecar.onPublish = (event) => {
      const reply = replyFromFake(event, this.service, answers);
      const heard = reply === undefined ? [event] : [event, reply];
      this.#pending.push(...heard.filter(({ type }) => this.service.topics.includes(type)));
      void this.#pump();
    };
  }

  /** Calls a method of the service. Throws its MicroserviceError, or a Crash. */
  async call<M extends keyof UnaryOf<NonNullable<D['serves']>> & string>(
    name: M,
    request: MessageInitShape<Method<D, M>['input']>,
    given: CallOptions = {},
  ): Promise<MessageShape<Method<D, M>['output']>> {
    const method: DescMethod | undefined = this.service.definition.serves?.method[name];
    if (method?.methodKind !== 'unary') throw new Error(`${name} is no method of this service`);
    // the check above narrows the kind, but not the descriptor's type
    const unary = method as DescMethodUnary;
    const { sidecar } = this;
    const answer = await Promise.race([
      this.runtime.handleCall(unary, create(unary.input, request), this.#cause(given)),
      sidecar.died.promise,
    ]);
    // a process that died has answered nothing
    if (sidecar.dead) throw new Crash();
    // over the wire and back: what protobuf would refuse fails here too
    const bytes = toBinary(unary.output, create(unary.output, { ...answer.response }));
    // the output of this very method
    return fromBinary(unary.output, bytes) as MessageShape<Method<D, M>['output']>;
  }

  /** Calls a method of the service that answers by many messages. */
  stream(
    name: keyof NonNullable<D['serves']>['method'] & string,
    request: Record<string, unknown>,
    ended: AbortSignal,
    given: CallOptions = {},
  ): AsyncIterable<unknown> {
    const method: DescMethod | undefined = this.service.definition.serves?.method[name];
    if (method?.methodKind !== 'server_streaming') {
      throw new Error(`${name} is no stream of this service`);
    }
    // the check above narrows the kind, but not the descriptor's type
    const stream = method as DescMethodServerStreaming;
    return this.runtime.handleStream(
      stream,
      create(stream.input, request),
      this.#cause(given),
      ended,
    );
  }

  /** Delivers an event or command; RETRY where it was not acknowledged. */
  async handleEvent<C extends Contract>(
    contract: C,
    data: EventInput<C>,
    given: CallOptions & { sequence?: number; version?: number } = {},
  ): Promise<'SUCCESS' | 'RETRY'> {
    return this.deliver(this.eventOf(contract, data, given));
  }

  /** Delivers many in one batch. */
  async deliverAll(batch: readonly Record<string, unknown>[]): Promise<('SUCCESS' | 'RETRY')[]> {
    const { sidecar } = this;
    const outcomes = await Promise.race([this.runtime.deliverAll(batch), sidecar.died.promise]);
    if (sidecar.dead) throw new Crash();
    return outcomes;
  }

  /** An event as another service says it. */
  eventOf<C extends Contract>(
    contract: C,
    data: EventInput<C>,
    given: CallOptions & { sequence?: number; version?: number } = {},
  ): Record<string, unknown> {
    const callContext = this.#cause(given);
    return {
      specversion: '1.0',
      id: callContext.id,
      type: contract.type,
      source: 'test',
      subject: contract.subject(contract.data.parse(data)),
      time: new Date(this.clock.now()).toISOString(),
      eventversion: given.version ?? contract.version,
      correlationid: callContext.correlationId,
      sequence: given.sequence ?? 1,
      tenantid: callContext.caller.tenantId,
      ...(contract.kind === 'request' ? { replyto: 'test.replies' } : {}),
      data: JSON.parse(JSON.stringify(data)) as unknown,
    };
  }

  /** Delivers anything as an event, as it is. */
  async deliver(event: Record<string, unknown>): Promise<'SUCCESS' | 'RETRY'> {
    const { sidecar } = this;
    const outcome = await Promise.race([this.runtime.deliver(event), sidecar.died.promise]);
    if (sidecar.dead) throw new Crash();
    return outcome;
  }

  /** Gives the service a message of an input binding. */
  async handleBindingMessage(binding: string, message: BindingMessage): Promise<void> {
    await Promise.race([
      this.runtime.handleBindingMessage(binding, message),
      this.sidecar.died.promise,
    ]);
  }

  /** Runs a job that the service has scheduled, as if it were due. */
  async runJob(name: string): Promise<void> {
    const every = this.service.schedules.has(name) ? { job: name, data: {} } : undefined;
    const data = this.memory.jobs.get(name)?.data ?? every;
    if (data === undefined) throw new Error(`no job ${name} is scheduled`);
    await Promise.race([this.runtime.runJob(data), this.sidecar.died.promise]);
  }

  /** Does what the process does now and then, as if it were time. */
  async runIntervalTask(name: string): Promise<void> {
    await Promise.race([this.runtime.runIntervalTask(name), this.sidecar.died.promise]);
  }

  /** Delivers what the service said to itself until all of it is acknowledged. */
  async settle(): Promise<void> {
    for (let rounds = 0; this.#pending.length > 0; rounds++) {
      if (rounds > 50) throw new Error(`${this.#pending[0]?.type ?? ''} is never acknowledged`);
      await this.#pump();
    }
    await this.runtime.whenIdle();
  }

  /** A context as a handler gets it, to prepare and look at documents. */
  context(caller: Caller = anonymous()): Context<D> {
    const callContext = this.#cause({ caller });
    return this.runtime.openContext(callContext) as unknown as Context<D>;
  }

  /** The data of the events of a contract that were said, each once, in order. */
  published<C extends Contract>(contract: C): EventData<C>[] {
    const events = new Map(this.memory.events.map((event) => [event.id, event]));
    return [...events.values()]
      .filter(({ type }) => type === contract.type)
      .map(({ data }) => contract.data.parse(data) as EventData<C>);
  }

  get sentMessages(): readonly SentMessage[] {
    return this.memory.sent;
  }

  /** How often a method of another service was called. */
  callCount(appId: string, method: string): number {
    return this.memory.calls.filter((call) => call.appId === appId && call.method === method)
      .length;
  }

  injectFaults(faults: InjectedFaults): void {
    this.sidecar.effects = 0;
    this.sidecar.saves = 0;
    this.sidecar.faults = faults;
  }

  async #pump(): Promise<void> {
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

  #cause(given: CallOptions): CallContext {
    const { id, caller, ...rest } = given;
    return newCallContext(this.clock, {
      id: id ?? deterministicId('test', ++this.#fresh),
      caller: caller ?? { ...anonymous(), role: 'service', tenantId: DEFAULT_TENANT },
      ...rest,
    });
  }
}

/** A service for a test: its calls are answered by fakes, everything else is the real kit. */
export function testbed<const D extends Definition>(
  service: Service<D>,
  options: TestbedOptions<D> = {},
): Testbed<D> {
  return new Testbed(service, options);
}
