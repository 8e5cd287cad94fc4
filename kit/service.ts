import type {
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import { z } from 'zod';
import type { AnswerInput, Contract, RequestContract } from './contract';
import type { Context } from './context';
import type { EventMeta } from './cloud-event';
import { repliesTo } from './replies';

/** The head of a service: what it owns, calls and says. */
export interface Definition {
  /** What it answers: a service of proto/. */
  readonly serves?: DescService;
  /** Whom it calls, by app id. */
  readonly calls?: Readonly<Record<string, DescService>>;
  /** The HTTP endpoints outside of the system that it asks, by name. */
  readonly endpoints?: readonly string[];
  /** Milliseconds that a call to an app or endpoint may take, where it is not the usual 5 s. */
  readonly deadlines?: Readonly<Record<string, number>>;
  /** The documents it owns, by name of their kind. */
  readonly stores?: Readonly<Record<string, z.ZodType>>;
  /** Its lists of ids. */
  readonly lists?: readonly string[];
  /** Its lists of small things, each with an id, which are kept in the list and nowhere else. */
  readonly feeds?: Readonly<Record<string, z.ZodType<{ id: string }>>>;
  /**
   * What each of its processes remembers, made anew when it starts: nothing may rest on it but how
   * soon something is done.
   */
  readonly memory?: Readonly<Record<string, () => object>>;
  readonly publishes?: readonly Contract[];
  /** What it asks other services over the bus. */
  readonly asks?: readonly RequestContract[];
  /** The output bindings it sends through. */
  readonly sends?: readonly string[];
  /**
   * Methods that are not answered from what is kept for a day under a client's Idempotency-Key.
   * `anew`: its documents tell that it was done, and the answer is how it stands now. `by-itself`:
   * they tell also what was asked the first time, and it refuses another request.
   */
  readonly keyed?: Readonly<Record<string, 'anew' | 'by-itself'>>;
  /** What it reads from the environment, besides what the kit reads for every service. */
  readonly config?: z.ZodObject;
}

export type UnaryOf<S extends DescService> = {
  [M in keyof S['method']]: S['method'][M] extends DescMethodUnary ? S['method'][M] : never;
};

/** How a service is called: a function for each of its methods. */
export type Client<S extends DescService> = {
  readonly [M in keyof S['method']]: S['method'][M] extends DescMethodServerStreaming
    ? (
        request: MessageInitShape<S['method'][M]['input']>,
        ended: AbortSignal,
      ) => AsyncIterable<MessageShape<S['method'][M]['output']>>
    : (
        request: MessageInitShape<UnaryOf<S>[M]['input']>,
      ) => Promise<MessageShape<UnaryOf<S>[M]['output']>>;
};

/** How a service answers: a handler for each of its methods. */
export type Handlers<S extends DescService, C> = {
  readonly [M in keyof S['method'] as S['method'][M] extends DescMethodUnary ? M : never]: (
    request: MessageShape<UnaryOf<S>[M]['input']>,
    context: C,
  ) => Promise<MessageInitShape<UnaryOf<S>[M]['output']>>;
};

/** The same for its methods that answer by many messages. */
export type StreamHandlers<S extends DescService, C> = {
  readonly [
    M in keyof S['method'] as S['method'][M] extends DescMethodServerStreaming ? M : never
  ]: S['method'][M] extends DescMethodServerStreaming
    ? (
        request: MessageShape<S['method'][M]['input']>,
        context: C,
        /** Aborted when nobody listens any more, or the service stops. */
        ended: AbortSignal,
      ) => AsyncIterable<MessageInitShape<S['method'][M]['output']>>
    : never;
};

export interface BindingMessage {
  readonly data: Uint8Array;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A handler as it is kept: its types were checked where it was declared. */
type AnyHandler = (
  input: never,
  context: never,
  meta: never,
) => Promise<unknown> | AsyncIterable<unknown>;
/** The same, as a host calls it. */
export type Handler = (input: unknown, context: unknown, meta?: unknown) => Promise<unknown>;
/** The same of a call that is answered by many messages. */
export type StreamHandler = (
  input: unknown,
  context: unknown,
  ended: AbortSignal,
) => AsyncIterable<unknown>;

/**
 * How many events the sidecar hands over at once. That saves an exchange for each, so it is for what
 * comes in masses and is soon done. Each is handled on its own, under its own cause, those about one
 * subject one after the other; one that is to come again does not bring the others again, but the
 * topic's next batch waits for it. Where the bus has no batches of its own (docs/brokers.md), one is
 * given when it is full, holds all that the sidecar's workers have, or its time is over.
 */
export interface Batches {
  readonly atMost: number;
  /** How long the first one of a batch waits for others. */
  readonly withinMs: number;
}

interface EventHandler {
  readonly contract: Contract;
  readonly handle: AnyHandler;
  readonly batches?: Batches | undefined;
}

export interface BindingHandler {
  readonly handle: AnyHandler;
  /** The identity of a message, so that the same one delivered twice has its effect once. */
  readonly identify: (message: BindingMessage) => string | undefined;
}

interface JobHandler {
  readonly data: z.ZodType;
  readonly handle: AnyHandler;
}

/** A client from outside, as long as its stream lasts. */
export interface Link<M = object> {
  /** Sends it something that it has not asked for; nothing where it is gone. */
  write(message: M): void;
  readonly closed: AbortSignal;
}

interface IngestHandler {
  readonly method: DescMethodBiDiStreaming;
  readonly handle: AnyHandler;
  /** The identity of a message, as of a binding's. */
  readonly identify: (message: never) => string;
}

interface Tick {
  readonly everyMs: number;
  readonly handle: AnyHandler;
}

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
  | 'ticks'
  | 'ingest'
  | 'hears'
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
  readonly ticks = new Map<string, Tick>();
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
  streams(handlers: StreamHandlers<NonNullable<D['serves']>, Context<D>>): void {
    for (const [name, handle] of Object.entries(handlers)) {
      // as above
      this.methods.set(name, handle as AnyHandler);
    }
  }

  /** Hears an event or a command. One handler for each; it is run again when it throws. */
  on<C extends Contract>(
    contract: C,
    handle: (data: z.output<C['data']>, context: Context<D>, meta: EventMeta) => Promise<unknown>,
    batches?: Batches,
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
  answers<C extends RequestContract>(
    contract: C,
    handle: (
      data: z.output<C['data']>,
      context: Context<D>,
      meta: EventMeta,
    ) => Promise<AnswerInput<C>>,
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
  ingests<M extends DescMethodBiDiStreaming>(
    method: M,
    handle: (
      message: MessageShape<M['input']>,
      context: Context<D>,
      link: Link<MessageInitShape<M['output']>>,
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
  onTick(name: string, everyMs: number, handle: (context: Context<D>) => Promise<unknown>): void {
    this.ticks.set(name, { everyMs, handle });
  }

  /** The contracts it hears, its own commands included. */
  get hears(): readonly Contract[] {
    return [...this.events.values()].map(({ contract }) => contract);
  }

  /** The topics that it takes events from: of what it hears, and of the replies to what it asks. */
  get topics(): readonly string[] {
    const replies = this.definition.asks === undefined ? [] : [repliesTo(this.name)];
    return [...this.events.keys(), ...replies];
  }

  #hear(contract: Contract, handle: AnyHandler, batches?: Batches): void {
    if (this.events.has(contract.type)) throw new Error(`${contract.type} is heard already`);
    this.events.set(contract.type, { contract, handle, batches });
  }
}

/** The context that the handlers of this service get: `type Context = ContextOf<typeof order>`. */
export type ContextOf<S> = S extends Service<infer D> ? Context<D> : never;
