import type { DescMethodServerStreaming, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import { asService } from '../core/caller';
import type { Clock } from '../core/clock';
import { type CloudEvent, cloudEvent } from '../messages/cloud-event';
import type { Context } from '../service/context';
import { type RequestContract, isRequest, parseEventData } from '../messages/contract';
import { DeadLetters, failureOf } from '../delivery/dead-letters';
import { EventDispatcher, type AckStatus } from '../delivery/event-dispatcher';
import { DocumentStore } from '../state/document-store';
import { Code, MicroserviceError, refusalOf, unavailable } from '../core/errors';
import { type CallContext, newCallContext } from '../core/call-context';
import { Execution } from '../core/execution';
import { deterministicId } from '../core/deterministic-id';
import { IdempotencyStore } from '../delivery/idempotency-store';
import type { Log } from '../core/log';
import type { Metrics } from '../core/metrics';
import { type RuntimeDeps, contextFactory } from './context-factory';
import { CommandResult } from '../messages/command-result';
import { CommandResults } from '../delivery/command-results';
import { replyTopicOf, replyContract, timeUntilExpiry } from '../messages/reply-topic';
import type { AnyService } from '../service/service';
import type { BindingMessage, Handler, IngestConnection, StreamHandler } from '../service/handlers';
import type { Definition } from '../service/definition';
import { SIDECAR_TIMEOUT_MS, type CallResponse } from '../transport/sidecar';
import { BindingJobDispatcher, rethrowAsUnreadable } from './binding-job-dispatcher';

/**
 * Longest that one delivery is worked on: no step begins after it. Shorter than the time after
 * which the bus gives the event again (its processingTimeout, 20 s), so that two processes hardly
 * ever work on one event; where they do, marks, ETags and keys make it one effect. Long enough for
 * the longest way of an order: see services/order/charge.ts.
 */
export const EXECUTION_BUDGET_MS = 18_000;

/** Longest that a stream lasts: whoever listens begins another. */
export const MAX_STREAM_MS = 300_000;

/**
 * Brings a service to life over a sidecar: runs its handlers, each under its cause. The same code
 * runs over a real sidecar and in tests.
 */
export class ServiceRuntime {
  readonly deadLetters: DeadLetters;
  readonly #keyed: IdempotencyStore;
  readonly #documents: DocumentStore;
  readonly #outcomes: CommandResults;
  readonly #deliveries: EventDispatcher;
  readonly #work: BindingJobDispatcher;
  readonly #open: (execution: Execution) => Context<Definition>;
  #active = 0;
  #draining = false;
  readonly #stopping = new AbortController();
  #idle: PromiseWithResolvers<unknown> | undefined;

  constructor(
    readonly service: AnyService,
    private readonly deps: RuntimeDeps,
  ) {
    const { sidecar, clock, random, metrics, log } = deps;
    this.#documents = new DocumentStore(sidecar, clock, random, {
      conflict: (store) => {
        metrics.conflicts.inc({ store });
      },
      inboxEntryDropped: (store) => {
        metrics.inboxEntriesDropped.inc({ store });
      },
    });
    this.#outcomes = new CommandResults(sidecar);
    const { name, definition } = service;
    const memory = Object.fromEntries(
      Object.entries(definition.processMemory ?? {}).map(([what, make]) => [what, make(clock)]),
    );
    const parts = { name, definition, documents: this.#documents, outcomes: this.#outcomes };
    this.#open = contextFactory({ ...deps, ...parts, memory });
    this.#keyed = new IdempotencyStore(sidecar, definition.idempotency);
    this.deadLetters = new DeadLetters(this.#documents, clock, metrics);
    this.#deliveries = new EventDispatcher({
      clock,
      log,
      metrics,
      outcomes: this.#outcomes,
      deadLetters: this.deadLetters,
      isCommand: (type) => service.events.get(type)?.contract.kind === 'command',
      handle: (event) => this.#handle(event),
    });
    this.#work = new BindingJobDispatcher({
      service,
      deadLetters: this.deadLetters,
      cause: (given) => this.#cause(given),
      open: (callContext) => this.openContext(callContext),
      log: (callContext) => this.#log(callContext),
      ...{ metrics, clock },
    });
  }

  get clock(): Clock {
    return this.deps.clock;
  }

  get log(): Log {
    return this.deps.log;
  }

  get metrics(): Metrics {
    return this.deps.metrics;
  }

  /** The configuration of the process, as the schema of the service's definition parsed it. */
  get config(): unknown {
    return this.deps.config;
  }

  /** The context of work that begins outside of a handler, such as a request at the edge. */
  openContext(callContext: CallContext): Context<Definition> {
    return this.#open(new Execution(callContext, this.deps.clock));
  }

  /** Answers a call. Throws a MicroserviceError, whatever went wrong. */
  async handleCall<M extends DescMethodUnary>(
    method: M,
    request: MessageShape<M['input']>,
    callContext: CallContext,
  ): Promise<CallResponse<M>> {
    const handle = this.service.methods.get(method.localName) as Handler | undefined;
    if (handle === undefined) {
      throw new MicroserviceError(`${method.name} is not answered here`, Code.UNIMPLEMENTED);
    }
    const name = `${method.parent.typeName}/${method.name}`;
    // what it calls in turn is not what the client has asked
    const own = callContext.hasIdempotencyKey
      ? { ...callContext, hasIdempotencyKey: false }
      : callContext;
    const execution = new Execution(own, this.deps.clock);
    return this.#counted(async () => {
      const started = performance.now();
      let code = Code.OK;
      try {
        this.#assertOpen();
        execution.assertBeforeDeadline();
        // the handler's type, derived from this method, says what it returns
        const work = () =>
          handle(request, this.#open(execution)) as Promise<MessageShape<M['output']>>;
        const response = await this.withIdempotencyKey(method, request, callContext, work);
        return { response, published: execution.published };
      } catch (error) {
        const known = this.#known(error, callContext, name);
        code = known.code;
        throw known;
      } finally {
        const duration = performance.now() - started;
        this.metrics.rpcs.inc({ method: name, code: Code[code] });
        this.metrics.rpcDuration.observe({ method: name }, duration / 1000);
        const { correlationId, requestId } = callContext;
        const line = { correlationId, requestId, method: name, code: Code[code], duration };
        this.log.info(line, 'call answered');
      }
    });
  }

  /**
   * Answers a call by many messages, until its handler ends, nobody listens any more, the service
   * stops, or it has lasted STREAM_MS. Throws a MicroserviceError, whatever went wrong.
   */
  async *handleStream<M extends DescMethodServerStreaming>(
    method: M,
    request: MessageShape<M['input']>,
    callContext: CallContext,
    gone: AbortSignal,
  ): AsyncIterable<MessageShape<M['output']>> {
    const { clock } = this.deps;
    const handle = this.service.methods.get(method.localName) as StreamHandler | undefined;
    const name = `${method.parent.typeName}/${method.name}`;
    const ended = AbortSignal.any([gone, this.#stopping.signal]);
    const execution = new Execution(
      { ...callContext, deadline: clock.now() + MAX_STREAM_MS },
      clock,
    );
    let code = Code.OK;
    try {
      if (handle === undefined) {
        throw new MicroserviceError(`${method.name} is not answered here`, Code.UNIMPLEMENTED);
      }
      this.#assertOpen();
      for await (const message of handle(request, this.#open(execution), ended)) {
        if (ended.aborted) return;
        // the handler's type, derived from this method, says what it gives
        yield message as MessageShape<M['output']>;
      }
    } catch (error) {
      if (ended.aborted) return;
      const known = this.#known(error, callContext, name);
      code = known.code;
      throw known;
    } finally {
      this.metrics.rpcs.inc({ method: name, code: Code[code] });
    }
  }

  /** Does what was asked, unless it was asked under a client's key before: see KeyedRequests. */
  async withIdempotencyKey<M extends DescMethodUnary>(
    method: M,
    request: MessageShape<M['input']>,
    callContext: CallContext,
    work: () => Promise<MessageShape<M['output']>>,
  ): Promise<MessageShape<M['output']>> {
    if (!callContext.hasIdempotencyKey) return work();
    return this.#keyed.run(method, request, new Execution(callContext, this.deps.clock), work);
  }

  /** Handles one delivery of an event. Never throws. */
  async deliver(raw: Record<string, unknown>): Promise<AckStatus> {
    // what a call here waits for, a command or a reply, belongs to what is being finished
    const isExpected = () =>
      ['id', 'causationid'].some((name) => this.#outcomes.isAwaited(String(raw[name])));
    const mayBegin = !this.#draining || isExpected();
    return mayBegin ? this.#counted(() => this.#deliveries.deliver(raw)) : 'RETRY';
  }

  /** Handles a batch: one subject's events one after the other, as they are. Never throws. */
  async deliverAll(batch: readonly Record<string, unknown>[]): Promise<AckStatus[]> {
    this.metrics.batchSize.observe(batch.length);
    const latest = new Map<unknown, Promise<unknown>>();
    const deliveries = batch.map(async (raw) => {
      const subject = raw['subject'] ?? raw['id'];
      const before = latest.get(subject);
      const delivery = (async () => {
        await before;
        return this.deliver(raw);
      })();
      latest.set(subject, delivery);
      return delivery;
    });
    return Promise.all(deliveries);
  }

  /** Hands the event of a dead letter to its handler again. */
  async replay(id: string): Promise<{ succeeded: boolean }> {
    return this.#counted(() => this.#deliveries.replay(id));
  }

  /** Handles a message of an input binding. Throws where it shall be given again. */
  async handleBindingMessage(name: string, message: BindingMessage): Promise<void> {
    this.#assertOpen();
    await this.#counted(() => this.#work.receive(name, message));
  }

  /** Handles a message of a client outside. Throws a MicroserviceError where it shall come again. */
  async handleIngest(message: object, link: IngestConnection): Promise<object> {
    this.#assertOpen();
    const { ingest, name } = this.service;
    if (ingest === undefined) throw new Error(`${name} takes no streams of messages`);
    // the message was read by this very method
    const id = deterministicId('ingest', ingest.identify(message as never));
    const callContext = this.#cause({ id });
    const handle = ingest.handle as unknown as (...given: unknown[]) => Promise<object>;
    return this.#counted(async () => {
      try {
        return await handle(message, this.openContext(callContext), link);
      } catch (error) {
        throw this.#known(error, callContext, `${name}/ingest`);
      }
    });
  }

  /** Does a job that is due. Throws where it shall be tried again. */
  async runJob(raw: unknown): Promise<void> {
    this.#assertOpen();
    await this.#counted(() => this.#work.runJob(raw));
  }

  /** Has the jobs done that the service gives itself: see Service.every. */
  async scheduleJobs(): Promise<void> {
    const { jobs } = this.openContext(this.#cause({}));
    for (const [name, schedule] of this.service.schedules) await jobs.every(name, schedule, {});
  }

  /** Does what each process does now and then: see Service.onTick. Never throws. */
  async runIntervalTask(name: string): Promise<void> {
    const tick = this.service.intervalTasks.get(name);
    if (tick === undefined) throw new Error(`${name} is done by no process of this service`);
    const callContext = this.#cause({});
    try {
      await this.#counted(() => (tick.handle as Handler)(this.openContext(callContext), undefined));
    } catch (error) {
      this.#log(callContext).warn(
        { type: `tick.${name}`, failure: failureOf(error, 1) },
        'work failed',
      );
    }
  }

  /** How many calls, events, jobs and messages are being worked on. */
  get activeCount(): number {
    return this.#active;
  }

  /** From here on nothing new is begun: others are told to ask again. Settles as idle does. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#stopping.abort();
    await this.whenIdle();
  }

  /** Settles when nothing is being worked on. */
  async whenIdle(): Promise<void> {
    if (this.#active === 0) return;
    this.#idle ??= Promise.withResolvers<unknown>();
    await this.#idle.promise;
  }

  /** Runs the handler of an event; a message or job comes this way from a dead letter. */
  async #handle(event: CloudEvent): Promise<void> {
    const { clock } = this.deps;
    const left = timeUntilExpiry(event, clock);
    if (left <= 0) return;
    const callContext = this.#cause({
      id: event.id,
      correlationId: event.correlationid === '' ? event.id : event.correlationid,
      caller: asService(event.tenantid),
      deadline: clock.now() + Math.min(left, EXECUTION_BUDGET_MS),
      ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
    });
    if (event.type === replyTopicOf(this.service.name)) {
      const outcome = rethrowAsUnreadable(() => CommandResult.parse(event.data));
      await this.#outcomes.recordReply(event.causationid, outcome, left);
      return;
    }
    const heard = this.service.events.get(event.type);
    if (heard === undefined) {
      await this.#work.run(event.type, callContext, event.data);
      return;
    }
    const { contract } = heard;
    const data = rethrowAsUnreadable(() =>
      parseEventData(contract, event.eventversion, event.data, event.minversion),
    );
    const since = event.time === undefined ? clock.now() : Date.parse(event.time);
    const execution = new Execution(callContext, clock, contract.kind !== 'event', since);
    const handle = () => (heard.handle as Handler)(data, this.#open(execution), event);
    if (isRequest(contract)) await this.#reply(event, contract, execution, handle);
    else await handle();
  }

  /** Answers a request, by a refusal where there is one. Throws what may be another time. */
  async #reply(
    request: CloudEvent,
    contract: RequestContract,
    execution: Execution,
    handle: () => Promise<unknown>,
  ): Promise<void> {
    const { sidecar, clock, metrics } = this.deps;
    let outcome: CommandResult;
    try {
      outcome = { refusal: null, answer: contract.reply.parse(await handle()) };
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      outcome = { refusal };
    }
    const { replyto, expirytime } = request;
    if (replyto === undefined) return;
    const reply = cloudEvent(
      this.service.name,
      replyContract(replyto, request),
      outcome,
      execution,
      clock,
    );
    execution.assertBeforeDeadline();
    await sidecar.publish({ ...reply, expirytime }, execution.remainingMs(SIDECAR_TIMEOUT_MS));
    metrics.eventsPublished.inc({ type: reply.type });
  }

  #assertOpen(): void {
    if (this.#draining) throw unavailable(`${this.service.name} is stopping`);
  }

  #cause(given: Partial<CallContext>): CallContext {
    const { clock } = this.deps;
    const deadline = clock.now() + EXECUTION_BUDGET_MS;
    return newCallContext(clock, { caller: asService(), deadline, ...given });
  }

  #known(error: unknown, callContext: CallContext, method: string): MicroserviceError {
    if (error instanceof MicroserviceError) return error;
    this.#log(callContext).error({ method, err: error }, 'unforeseen error');
    return new MicroserviceError('internal error', Code.INTERNAL);
  }

  #log({ correlationId, requestId }: CallContext): Log {
    return this.deps.log.child({ correlationId, requestId });
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    this.#active++;
    try {
      return await work();
    } finally {
      this.#active--;
      if (this.#active === 0) {
        this.#idle?.resolve(undefined);
        this.#idle = undefined;
      }
    }
  }
}
