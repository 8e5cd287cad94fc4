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

/** A service of any definition: the members that the runtime needs. */
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

/** Makes a misspelt or outdated key of a definition a type error. */
type WithoutUnknownKeys<D> = Readonly<Record<Exclude<keyof D, keyof Definition>, never>>;

/** A service as data: its definition and its handlers. A ServiceRuntime runs it. */
export class Service<const D extends Definition = Definition> {
  readonly methods = new Map<string, AnyHandler>();
  readonly events = new Map<string, EventHandler>();
  readonly bindings = new Map<string, BindingHandler>();
  readonly jobs = new Map<string, JobHandler>();
  /** The schedules of the jobs that the service registers when it starts, by name. */
  readonly schedules = new Map<string, string>();
  readonly intervalTasks = new Map<string, IntervalTask>();
  ingest: IngestHandler | undefined;
  /** Its stores, calls, events and so on. */
  readonly definition: D;

  constructor(
    /** The app id. */
    readonly name: string,
    definition: D & WithoutUnknownKeys<D>,
  ) {
    this.definition = definition;
  }

  /** Registers the handlers of its unary methods. */
  serve(handlers: Handlers<NonNullable<D['serves']>, Context<D>>): void {
    for (const [name, handle] of Object.entries(handlers)) {
      // the mapped type above ties each handler to its method; here they are stored by name
      this.methods.set(name, handle as AnyHandler);
    }
  }

  /** Registers the handlers of its methods that return a stream of messages. */
  serveStreams(handlers: StreamHandlers<NonNullable<D['serves']>, Context<D>>): void {
    for (const [name, handle] of Object.entries(handlers)) {
      // as above
      this.methods.set(name, handle as AnyHandler);
    }
  }

  /**
   * Subscribes to an event, or handles the service's own command. There is one handler per contract. It
   * is run again after it throws: see EventDispatcher.
   */
  on<C extends Contract>(
    contract: C,
    handle: (data: z.output<C['data']>, context: Context<D>, meta: EventMeta) => Promise<unknown>,
    batches?: BatchOptions,
  ): void {
    if (contract.kind === 'request')
      throw new Error(`${contract.type} is a request: use onRequest`);
    if (batches !== undefined && contract.kind === 'command') {
      throw new Error(
        `${contract.type} is a command: its retries would hold up the batches behind it`,
      );
    }
    this.#subscribe(contract, handle, batches);
  }

  /**
   * Handles a request over the bus. The result of the handler is the reply; so is a refusal that it
   * throws. After any other error it is run again, until the request expires.
   */
  onRequest<C extends RequestContract>(
    contract: C,
    handle: (
      data: z.output<C['data']>,
      context: Context<D>,
      meta: EventMeta,
    ) => Promise<ReplyInput<C>>,
  ): void {
    this.#subscribe(contract, handle);
  }

  /**
   * Handles the messages of an input binding. The text that the handler returns is the outcome in the
   * metric `binding_messages_total{binding,outcome}`. `identify` returns the id of a message; without
   * it, a message that is delivered twice has its effects twice.
   */
  onBinding(
    name: string,
    handle: (message: BindingMessage, context: Context<D>) => Promise<string | undefined>,
    identify: (message: BindingMessage) => string | undefined = () => undefined,
  ): void {
    this.bindings.set(name, { handle, identify });
  }

  /** Handles a job when it is due. */
  onJob<T extends z.ZodType>(
    name: string,
    data: T,
    handle: (data: z.output<T>, context: Context<D>) => Promise<unknown>,
  ): void {
    this.jobs.set(name, { data, handle });
  }

  /**
   * Handles messages that external clients send by a stream to a separate port (INGEST_PORT). Each
   * message gets a response. The handler authenticates the client, for which `open` may challenge it when
   * the stream begins; until it calls `authenticate`, messages are handled one at a time.
   */
  onIngest<M extends DescMethodBiDiStreaming>(
    method: M,
    handle: (
      message: MessageShape<M['input']>,
      context: Context<D>,
      connection: IngestConnection<MessageInitShape<M['output']>>,
    ) => Promise<MessageInitShape<M['output']>>,
    identify: (message: MessageShape<M['input']>) => string,
    open: (connection: IngestConnection<MessageInitShape<M['output']>>) => void,
  ): void {
    this.ingest = { method, handle, identify, open };
  }

  /**
   * Runs a recurring job, by a cron expression or `@every 30s`, in one of the service's processes. A run
   * that fails is not retried before the next one is due.
   */
  every(name: string, schedule: string, handle: (context: Context<D>) => Promise<unknown>): void {
    this.onJob(name, z.unknown(), async (_, context) => handle(context));
    this.schedules.set(name, schedule);
  }

  /**
   * Runs a task in each of the service's processes, `everyMs` after the end of its last run, and once
   * more when the process stops: for example to store the contents of the process memory.
   */
  onInterval(
    name: string,
    everyMs: number,
    handle: (context: Context<D>) => Promise<unknown>,
  ): void {
    this.intervalTasks.set(name, { everyMs, handle });
  }

  /** The contracts of the events, commands and requests that it handles. */
  get subscribesTo(): readonly Contract[] {
    return [...this.events.values()].map(({ contract }) => contract);
  }

  /** The topics that it subscribes to: those contracts, and its reply topic if it sends requests. */
  get topics(): readonly string[] {
    const replies = this.definition.requests === undefined ? [] : [replyTopicOf(this.name)];
    return [...this.events.keys(), ...replies];
  }

  #subscribe(contract: Contract, handle: AnyHandler, batches?: BatchOptions): void {
    if (this.events.has(contract.type)) throw new Error(`${contract.type} has a handler already`);
    this.events.set(contract.type, { contract, handle, batches });
  }
}

/** The context that the handlers of a service receive: `type Context = ContextOf<typeof order>`. */
export type ContextOf<S> = S extends Service<infer D> ? Context<D> : never;
