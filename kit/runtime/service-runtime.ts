import { randomUUID } from 'node:crypto';
import type { DescMethodServerStreaming, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import type { CallContext } from '../core/call-context';
import type { Clock } from '../core/clock';
import { deterministicId } from '../core/deterministic-id';
import { Execution } from '../core/execution';
import type { Log } from '../core/log';
import type { Metrics } from '../core/metrics';
import { BegunCommands } from '../delivery/begun-commands';
import { CommandResults } from '../delivery/command-results';
import { DeadLetters, failureOf } from '../delivery/dead-letters';
import { EventDispatcher, type AckStatus } from '../delivery/event-dispatcher';
import { EventGate } from '../delivery/event-gate';
import { IdempotencyStore } from '../delivery/idempotency-store';
import { ParkedEvents } from '../delivery/parking/parked-events';
import { ParkingLot } from '../delivery/parking/parking-lot';
import type { Context } from '../service/context';
import type { Definition } from '../service/definition';
import type { BindingMessage, Handler, IngestConnection } from '../service/handlers';
import type { AnyService } from '../service/service';
import { ReadModelStore } from '../read-store/read-model-store';
import { DocumentStore } from '../state/document-store';
import { NamingSidecar } from '../transport/dependencies';
import { type CallResponse, SIDECAR_TIMEOUT_MS } from '../transport/sidecar';
import { BindingJobDispatcher } from './binding-job-dispatcher';
import { CallDispatcher, toMicroserviceError } from './call-dispatcher';
import { contextFactory } from './context-factory';
import { EventRunner } from './event-runner';
import { EXECUTION_BUDGET_MS, executionCallContext } from './execution-budget';
import { Lifecycle } from './lifecycle';
import type { RuntimeDeps } from './runtime-deps';

/**
 * Runs a service over a sidecar: each handler in an execution under its call context. The same code runs
 * over a real sidecar and over the in-memory transport of tests.
 */
export class ServiceRuntime {
  readonly deadLetters: DeadLetters;
  readonly parkedEvents: ParkedEvents;
  private readonly deps: RuntimeDeps;
  readonly readModel: ReadModelStore<unknown> | undefined;
  readonly #lifecycle: Lifecycle;
  readonly #results: CommandResults;
  readonly #begunCommands: BegunCommands;
  readonly #calls: CallDispatcher;
  readonly #events: EventDispatcher;
  readonly #bindingsAndJobs: BindingJobDispatcher;
  readonly #open: (execution: Execution) => Context<Definition>;

  constructor(
    readonly service: AnyService,
    runtimeDeps: RuntimeDeps,
  ) {
    const sidecar = new NamingSidecar(runtimeDeps.sidecar);
    const deps = { ...runtimeDeps, sidecar };
    this.deps = deps;
    const { clock, random, metrics, log } = deps;
    const { name, definition } = service;
    const documents = new DocumentStore(sidecar, clock, random, {
      conflict: (store) => {
        metrics.conflicts.inc({ store });
      },
      inboxEntryDropped: (store) => {
        metrics.inboxEntriesDropped.inc({ store });
      },
    });
    const processMemory = Object.fromEntries(
      Object.entries(definition.processMemory ?? {}).map(([key, create]) => [key, create(clock)]),
    );
    const results = new CommandResults(sidecar);
    const deadLetters = new DeadLetters(documents, clock, metrics);
    const lifecycle = new Lifecycle(name);
    const begunCommands = new BegunCommands({ sidecar, clock, random });
    const readModel = readModelOf(service, deps);
    const open = contextFactory({
      ...deps,
      name,
      definition,
      documents,
      results,
      begunCommands,
      processMemory,
      readModel,
    });
    const bindingsAndJobs = new BindingJobDispatcher({
      service,
      deadLetters,
      open: (callContext) => this.openContext(callContext),
      log: (callContext) => this.#log(callContext),
      metrics,
      clock,
    });
    const events = new EventRunner(service, deps, results, open, bindingsAndJobs);
    this.deadLetters = deadLetters;
    this.readModel = readModel;
    this.#lifecycle = lifecycle;
    this.#results = results;
    this.#begunCommands = begunCommands;
    this.#open = open;
    this.#bindingsAndJobs = bindingsAndJobs;
    const contractOf = (type: string) => service.events.get(type)?.contract;
    const { topics } = service;
    const parkingLot = new ParkingLot({ sidecar, clock, random, holder: randomUUID() });
    const dispatcher = new EventDispatcher({
      clock,
      log,
      metrics,
      results,
      deadLetters,
      gate: new EventGate({ ...deps, name, topics, contractOf, deadLetters }),
      parkingLot,
      isCommand: (type) => contractOf(type)?.kind === 'command',
      handle: (event, made) => events.run(event, made),
    });
    this.#events = dispatcher;
    this.parkedEvents = new ParkedEvents({
      lot: parkingLot,
      clock,
      log,
      metrics,
      executionMs: EXECUTION_BUDGET_MS,
      retry: (parked, countWaiting) => lifecycle.run(() => dispatcher.retry(parked, countWaiting)),
    });
    const idempotency = new IdempotencyStore(sidecar, definition.idempotency);
    this.#calls = new CallDispatcher({
      service,
      lifecycle,
      idempotency,
      open,
      clock,
      log,
      metrics,
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

  /** The context of work that does not start in a handler, such as a request at the edge. */
  openContext(callContext: CallContext): Context<Definition> {
    return this.#open(new Execution(callContext, this.deps.clock));
  }

  /** Handles a unary call: see CallDispatcher. Throws a MicroserviceError for any failure. */
  handleCall<M extends DescMethodUnary>(
    method: M,
    request: MessageShape<M['input']>,
    callContext: CallContext,
  ): Promise<CallResponse<M>> {
    return this.#calls.handleCall(method, request, callContext);
  }

  /** Handles a call that returns a stream: see CallDispatcher. `cancelled` ends it. */
  handleStream<M extends DescMethodServerStreaming>(
    method: M,
    request: MessageShape<M['input']>,
    callContext: CallContext,
    cancelled: AbortSignal,
  ): AsyncIterable<MessageShape<M['output']>> {
    return this.#calls.handleStream(method, request, callContext, cancelled);
  }

  /** Runs work, or returns the stored response of the same Idempotency-Key: see IdempotencyStore. */
  withIdempotencyKey<M extends DescMethodUnary>(
    method: M,
    request: MessageShape<M['input']>,
    callContext: CallContext,
    work: () => Promise<MessageShape<M['output']>>,
  ): Promise<MessageShape<M['output']>> {
    return this.#calls.withIdempotencyKey(method, request, callContext, work);
  }

  /** Handles one delivery of an event on a topic. Never throws. */
  async deliver(raw: Record<string, unknown>, topic: string): Promise<AckStatus> {
    // while the process stops, commands and replies that a running call waits for are still handled
    const isAwaited = () =>
      ['id', 'causationid'].some((name) => this.#results.isAwaited(String(raw[name])));
    const mayStart = !this.#lifecycle.isStopping || isAwaited();
    return mayStart ? this.#lifecycle.run(() => this.#events.deliver(raw, topic)) : 'RETRY';
  }

  /**
   * Handles a batch of a topic: events of one subject in order, the others concurrently. Never throws.
   */
  async deliverAll(batch: readonly Record<string, unknown>[], topic: string): Promise<AckStatus[]> {
    this.metrics.batchSize.observe(batch.length);
    const lastOfSubject = new Map<unknown, Promise<unknown>>();
    const deliveries = batch.map(async (raw) => {
      const subject = raw['subject'] ?? raw['id'];
      const previous = lastOfSubject.get(subject);
      const delivery = (async () => {
        await previous;
        return this.deliver(raw, topic);
      })();
      lastOfSubject.set(subject, delivery);
      return delivery;
    });
    return Promise.all(deliveries);
  }

  /** Handles parked events until the process stops: see ParkedEvents. */
  async resumeParkedEvents(lookMs?: number): Promise<void> {
    await this.parkedEvents.run(this.#lifecycle.stopSignal, lookMs);
  }

  /** Publishes the commands that processes began and did not publish, as they died: see BegunCommands. */
  async sweepBegunCommands(): Promise<void> {
    const { sidecar, metrics, log } = this.deps;
    try {
      await this.#begunCommands.sweep(async (event) => {
        await sidecar.publish(event, SIDECAR_TIMEOUT_MS);
        metrics.eventsPublished.inc({ type: event.type });
        const { id: eventId, type, correlationid: correlationId } = event;
        log.info({ correlationId, eventId, type }, 'abandoned command published');
      });
    } catch (error) {
      log.debug({ failure: failureOf(error, 1) }, 'abandoned commands could not be published');
    }
  }

  /** Runs the handler of a dead letter again. */
  async replay(id: string): Promise<{ succeeded: boolean }> {
    return this.#lifecycle.run(() => this.#events.replay(id));
  }

  /** Makes parked events of dead letters: see EventDispatcher. */
  async replayAll(
    filter: { reason?: string | undefined; type?: string | undefined },
    skip: number,
  ) {
    return this.#lifecycle.run(() => this.#events.replayAll(filter, skip));
  }

  /** Handles a message of an input binding. Throws if it has to be delivered again. */
  async handleBindingMessage(name: string, message: BindingMessage): Promise<void> {
    this.#lifecycle.assertNotStopping();
    await this.#lifecycle.run(() => this.#bindingsAndJobs.handleBindingMessage(name, message));
  }

  /**
   * Handles a message of an external client. Throws a MicroserviceError if the client has to send
   * it again.
   */
  async handleIngest(message: object, connection: IngestConnection): Promise<object> {
    this.#lifecycle.assertNotStopping();
    const { ingest, name } = this.service;
    if (ingest === undefined) throw new Error(`${name} has no ingest handler`);
    // the message was deserialized by the handler's method
    const id = deterministicId('ingest', ingest.identify(message as never));
    const callContext = executionCallContext(this.deps.clock, { id });
    const handle = ingest.handle as unknown as (...args: unknown[]) => Promise<object>;
    return this.#lifecycle.run(async () => {
      try {
        return await handle(message, this.openContext(callContext), connection);
      } catch (error) {
        throw toMicroserviceError(error, this.log, callContext, `${name}/ingest`);
      }
    });
  }

  /** Runs a job that is due. Throws if it has to be retried. */
  async runJob(raw: unknown): Promise<void> {
    this.#lifecycle.assertNotStopping();
    await this.#lifecycle.run(() => this.#bindingsAndJobs.runJob(raw));
  }

  /** Schedules the recurring jobs of the service: see Service.every. */
  async scheduleJobs(): Promise<void> {
    const { jobs } = this.openContext(executionCallContext(this.deps.clock, {}));
    for (const [name, schedule] of this.service.schedules) await jobs.every(name, schedule, {});
  }

  /** Runs an interval task: see Service.onInterval. A failure is logged and not thrown. */
  async runIntervalTask(name: string): Promise<void> {
    const task = this.service.intervalTasks.get(name);
    if (task === undefined) throw new Error(`${this.service.name} has no interval task ${name}`);
    const callContext = executionCallContext(this.deps.clock, {});
    try {
      await this.#lifecycle.run(() =>
        (task.handle as Handler)(this.openContext(callContext), undefined),
      );
    } catch (error) {
      const fields = { type: `tick.${name}`, failure: failureOf(error, 1) };
      this.#log(callContext).warn(fields, 'work failed');
    }
  }

  /** The number of calls, events, jobs and messages that are running. */
  get activeCount(): number {
    return this.#lifecycle.activeCount;
  }

  /** Refuses new work from now on, so that other replicas do it. Resolves when no work is running. */
  async drain(): Promise<void> {
    await this.#lifecycle.drain();
  }

  /** Resolves when no work is running. */
  async whenIdle(): Promise<void> {
    await this.#lifecycle.whenIdle();
  }

  #log({ correlationId, requestId }: CallContext): Log {
    return this.deps.log.child({ correlationId, requestId });
  }
}

function readModelOf(
  { name, definition: { readModel } }: AnyService,
  { readStore: store, clock, metrics, log }: RuntimeDeps,
): ReadModelStore<unknown> | undefined {
  if (readModel === undefined) return undefined;
  if (store === undefined) throw new Error(`${name} has a read model and no read store`);
  return new ReadModelStore({ store, model: readModel, name, clock, metrics, log });
}
