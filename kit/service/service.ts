import type { DescMethodBiDiStreaming, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { z } from 'zod';
import type { EventMeta } from '../messages/cloud-event';
import type { ReplyInput, Contract, RequestContract } from '../messages/contract';
import { replyTopicOf } from '../messages/reply-topic';
import type { Context } from './context';
import type { Definition } from './definition';
import type {
  AnyHandler,
  BatchOptions,
  BindingHandler,
  BindingMessage,
  EventHandler,
  Handlers,
  IngestHandler,
  JobHandler,
  IngestConnection,
  StreamHandlers,
  IntervalTask,
} from './handlers';

/** A service, whatever the types of its parts: what a host needs of it. */
export type AnyService = Pick<
  Service,
  | 'name'
  | 'definition'
  | 'methods'
  | 'events'
  | 'bindings'
  | 'jobs'
  | 'schedules'
  | 'intervalTasks'
  | 'ingest'
  | 'subscribesTo'
  | 'topics'
>;

/** A service as data: what it is, and which function handles what. A host brings it to life. */
export class Service<const D extends Definition = Definition> {
  readonly methods = new Map<string, AnyHandler>();
  readonly events = new Map<string, EventHandler>();
  readonly bindings = new Map<string, BindingHandler>();
  readonly jobs = new Map<string, JobHandler>();
  /** When the jobs are due that the service gives itself as it starts, by their names. */
  readonly schedules = new Map<string, string>();
  readonly intervalTasks = new Map<string, IntervalTask>();
  ingest: IngestHandler | undefined;

  constructor(
    /** The app id. */
    readonly name: string,
    readonly definition: D,
  ) {}

  /** Answers its own protobuf service. */
  serve(handlers: Handlers<NonNullable<D['serves']>, Context<D>>): void {
    for (const [name, handle] of Object.entries(handlers)) {
      // the mapped type above ties each handler to its method; here they are kept by name
      this.methods.set(name, handle as AnyHandler);
    }
  }

  /** Answers those of its own methods that are answered by many messages. */
  serveStreams(handlers: StreamHandlers<NonNullable<D['serves']>, Context<D>>): void {
    for (const [name, handle] of Object.entries(handlers)) {
      // as above
      this.methods.set(name, handle as AnyHandler);
    }
  }

  /** Hears an event or a command. One handler for each; it is run again when it throws. */
  on<C extends Contract>(
    contract: C,
    handle: (data: z.output<C['data']>, context: Context<D>, meta: EventMeta) => Promise<unknown>,
    batches?: BatchOptions,
  ): void {
    if (contract.kind === 'request') throw new Error(`${contract.type} is to be answered`);
    if (batches !== undefined && contract.kind === 'command') {
      throw new Error(`${contract.type} is a command: it may be tried for long, and others wait`);
    }
    this.#hear(contract, handle, batches);
  }

  /**
   * Answers a request that comes over the bus; what it throws as a refusal is the answer then. It
   * is run again where it fails otherwise, until nobody waits for it any more.
   */
  onRequest<C extends RequestContract>(
    contract: C,
    handle: (
      data: z.output<C['data']>,
      context: Context<D>,
      meta: EventMeta,
    ) => Promise<ReplyInput<C>>,
  ): void {
    this.#hear(contract, handle);
  }

  /**
   * Hears an input binding. What the handler gives as text is counted as what became of the message:
   * `binding_messages_total{binding,outcome}`.
   */
  onBinding(
    name: string,
    handle: (message: BindingMessage, context: Context<D>) => Promise<string | undefined>,
    identify: (message: BindingMessage) => string | undefined = () => undefined,
  ): void {
    this.bindings.set(name, { handle, identify });
  }

  /** Does a job when it is due. */
  onJob<T extends z.ZodType>(
    name: string,
    data: T,
    handle: (data: z.output<T>, context: Context<D>) => Promise<unknown>,
  ): void {
    this.jobs.set(name, { data, handle });
  }

  /**
   * Takes messages that clients outside of the system send by a stream, on a port of its own
   * (INGEST_PORT), and answers each. Nobody has looked at who they are.
   */
  onIngest<M extends DescMethodBiDiStreaming>(
    method: M,
    handle: (
      message: MessageShape<M['input']>,
      context: Context<D>,
      link: IngestConnection<MessageInitShape<M['output']>>,
    ) => Promise<MessageInitShape<M['output']>>,
    identify: (message: MessageShape<M['input']>) => string,
  ): void {
    this.ingest = { method, handle, identify };
  }

  /**
   * Does a job again and again, by a cron expression or `@every 30s`: in one of the processes of the
   * service, whichever it is. What fails is tried again when it is due the next time.
   */
  every(name: string, schedule: string, handle: (context: Context<D>) => Promise<unknown>): void {
    this.onJob(name, z.unknown(), async (_, context) => handle(context));
    this.schedules.set(name, schedule);
  }

  /**
   * Does something in each of its processes, `everyMs` after it was done, and once more when the
   * process stops: such as to write down what it remembers.
   */
  onInterval(
    name: string,
    everyMs: number,
    handle: (context: Context<D>) => Promise<unknown>,
  ): void {
    this.intervalTasks.set(name, { everyMs, handle });
  }

  /** The contracts it hears, its own commands included. */
  get subscribesTo(): readonly Contract[] {
    return [...this.events.values()].map(({ contract }) => contract);
  }

  /** The topics that it takes events from: of what it hears, and of the replies to what it asks. */
  get topics(): readonly string[] {
    const replies = this.definition.requests === undefined ? [] : [replyTopicOf(this.name)];
    return [...this.events.keys(), ...replies];
  }

  #hear(contract: Contract, handle: AnyHandler, batches?: BatchOptions): void {
    if (this.events.has(contract.type)) throw new Error(`${contract.type} is heard already`);
    this.events.set(contract.type, { contract, handle, batches });
  }
}

/** The context that the handlers of this service get: `type Context = ContextOf<typeof order>`. */
export type ContextOf<S> = S extends Service<infer D> ? Context<D> : never;
