import type { DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import { asService } from './caller';
import { CloudEvent } from './cloud-event';
import type { Context } from './context';
import { readData } from './contract';
import { DeadLetters, type Failure, failureOf } from './dead-letters';
import { Documents } from './documents';
import { Code, MicroserviceError, isTransient } from './errors';
import { type Cause, Handling, identity, newCause } from './handling';
import { type World, openContext } from './open-context';
import { Outcomes } from './outcomes';
import type { BindingMessage, Definition, Service } from './service';
import type { CallAnswer } from './sidecar';
import { z } from 'zod';

export type Delivery = 'SUCCESS' | 'RETRY';

/**
 * Longest that one delivery of an event is worked on: shorter than the time after which a broker
 * gives the event to somebody else.
 */
export const HANDLING_BUDGET_MS = 45_000;

/** What the domain can say no with; any other final failure is a fault to be looked into. */
const REFUSALS: ReadonlySet<Code> = new Set([
  Code.INVALID_ARGUMENT,
  Code.FAILED_PRECONDITION,
  Code.NOT_FOUND,
  Code.ALREADY_EXISTS,
  Code.PERMISSION_DENIED,
  Code.UNAUTHENTICATED,
  Code.OUT_OF_RANGE,
]);

type AnyHandler = (input: unknown, context: unknown, meta?: unknown) => Promise<unknown>;

const JobData = z.object({ job: z.string(), data: z.unknown(), cause: z.string().optional() });

/** Of a failing event: what it failed with last, and how often. Lost on a restart, hence no more than a hint. */
interface Recent {
  failure: Failure;
}
const MAX_RECENT = 1_000;

/**
 * Brings a service to life over a sidecar: runs its handlers under their cause, and decides what
 * becomes of an event whose handler fails. The same code runs over a real sidecar and in tests.
 */
export class Host {
  readonly deadLetters: DeadLetters;
  /** Topics to hear: those of the handlers, and the service's own dead letters. */
  readonly deadTopic: string;
  readonly #documents: Documents;
  readonly #outcomes: Outcomes;
  readonly #running = new Map<string, Promise<Delivery>>();
  readonly #recent = new Map<string, Recent>();
  #active = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(
    readonly service: Service,
    private readonly world: World,
  ) {
    const { sidecar, clock, metrics } = world;
    this.#documents = new Documents(sidecar, clock, {
      conflict: (store) => {
        metrics.conflicts.inc({ store });
      },
      markDropped: (store) => {
        metrics.marksDropped.inc({ store });
      },
    });
    this.#outcomes = new Outcomes(sidecar);
    this.deadLetters = new DeadLetters(this.#documents, clock, metrics);
    this.deadTopic = `${service.name}.dead`;
  }

  /** The context of a piece of work that begins outside of a handler, such as a request at the edge. */
  begin(cause: Cause): Context<Definition> {
    return this.#open(new Handling(cause, this.world.clock));
  }

  /** Answers a call. Throws a MicroserviceError, whatever went wrong. */
  async answer<M extends DescMethodUnary>(
    method: M,
    request: MessageShape<M['input']>,
    cause: Cause,
  ): Promise<CallAnswer<M>> {
    const handle = this.service.methods.get(method.localName) as AnyHandler | undefined;
    if (handle === undefined) {
      throw new MicroserviceError(`${method.name} is not answered here`, Code.UNIMPLEMENTED);
    }
    const handling = new Handling(cause, this.world.clock);
    const name = `${method.parent.typeName}/${method.name}`;
    return this.#count(async () => {
      const started = performance.now();
      let code = Code.OK;
      try {
        handling.assertInTime();
        const response = await handle(request, this.#open(handling));
        // the handler's type, derived from this method, says what it returns
        return { response: response as MessageShape<M['output']>, said: handling.said };
      } catch (error) {
        const known = this.#known(error, cause, name);
        code = known.code;
        throw known;
      } finally {
        const duration = performance.now() - started;
        this.world.metrics.rpcs.inc({ method: name, code: Code[code] });
        this.world.metrics.rpcDuration.observe({ method: name }, duration / 1000);
        this.#log(cause).info({ method: name, code: Code[code], duration }, 'call answered');
      }
    });
  }

  /** Handles one delivery of an event from a topic. Never throws. */
  async deliver(topic: string, raw: Record<string, unknown>): Promise<Delivery> {
    return this.#count(async () => {
      if (topic === this.deadTopic) return this.#bury(raw);
      const parsed = CloudEvent.safeParse(raw);
      if (!parsed.success) {
        return this.#keep(raw, unreadable(z.prettifyError(parsed.error)));
      }
      // a delivery that comes while the same event is being handled here shares its outcome
      const running = this.#running.get(parsed.data.id);
      if (running !== undefined) return running;
      const delivery = this.#handle(parsed.data, raw).finally(() => {
        this.#running.delete(parsed.data.id);
      });
      this.#running.set(parsed.data.id, delivery);
      return delivery;
    });
  }

  /** Hands a dead letter's event to its handler again, under the same cause. */
  async replay(id: string): Promise<{ succeeded: boolean }> {
    return this.#count(async () => {
      const letter = await this.deadLetters.get(id);
      const parsed = CloudEvent.safeParse(letter.event);
      if (!parsed.success) {
        await this.deadLetters.failedAgain(id, unreadable(z.prettifyError(parsed.error)));
        return { succeeded: false };
      }
      try {
        await this.#run(parsed.data);
      } catch (error) {
        await this.deadLetters.failedAgain(id, failureOf(error, 1));
        return { succeeded: false };
      }
      await this.deadLetters.discard(id);
      return { succeeded: true };
    });
  }

  /** Handles a message of an input binding. Throws where it shall be given again. */
  async receive(name: string, message: BindingMessage): Promise<void> {
    const binding = this.service.bindings.get(name);
    if (binding === undefined) return;
    const id = binding.identify(message);
    const cause = this.#cause(id === undefined ? {} : { id: identity('binding', name, id) });
    await this.#perform(
      cause,
      `binding ${name}`,
      async (context) => {
        await (binding.handle as AnyHandler)(message, context);
      },
      () => ({
        type: `binding.${name}`,
        data: Buffer.from(message.data).toString('base64'),
        metadata: message.metadata,
      }),
    );
  }

  /** Does a job that is due. Throws where it shall be tried again. */
  async perform(raw: unknown): Promise<void> {
    const due = JobData.parse(raw);
    const job = this.service.jobs.get(due.job);
    if (job === undefined) return;
    const cause = this.#cause(due.cause === undefined ? {} : { id: due.cause });
    await this.#perform(
      cause,
      `job ${due.job}`,
      async (context) => {
        await (job.handle as AnyHandler)(job.data.parse(due.data), context);
      },
      () => ({ type: `job.${due.job}`, data: due.data }),
    );
  }

  /** How many calls, events, jobs and messages are being worked on. */
  get active(): number {
    return this.#active;
  }

  /** When nothing is being worked on. */
  async idle(): Promise<void> {
    if (this.#active === 0) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }

  async #run(event: CloudEvent): Promise<void> {
    const handler = this.service.events.get(event.type);
    if (handler === undefined) {
      throw new MicroserviceError(`${event.type} is not heard here`, Code.INVALID_ARGUMENT, {
        reason: 'unreadable',
      });
    }
    let data: unknown;
    try {
      data = readData(handler.contract, event.eventversion, event.data);
    } catch (error) {
      const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
      throw new MicroserviceError(why, Code.DATA_LOSS, { reason: 'unreadable' });
    }
    const cause = this.#cause({
      id: event.id,
      correlationId: event.correlationid === '' ? event.id : event.correlationid,
      caller: asService(event.tenantid),
      ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
    });
    const context = this.#open(new Handling(cause, this.world.clock));
    await (handler.handle as AnyHandler)(data, context, event);
  }

  async #handle(event: CloudEvent, raw: Record<string, unknown>): Promise<Delivery> {
    const started = performance.now();
    let outcome = 'handled';
    let failure: Failure | undefined;
    try {
      const command = this.service.events.get(event.type)?.contract.kind === 'command';
      try {
        await this.#run(event);
        if (command) await this.#outcomes.done(event.id);
        this.#recent.delete(event.id);
        return 'SUCCESS';
      } catch (error) {
        failure = failureOf(error, (this.#recent.get(event.id)?.failure.attempts ?? 0) + 1);
        if (isTransient(error)) {
          outcome = 'retried';
          this.#remember(event.id, failure);
          return 'RETRY';
        }
        outcome = 'refused';
        if (command && error instanceof MicroserviceError && REFUSALS.has(error.code)) {
          await this.#outcomes.refused(event.id, error);
          return 'SUCCESS';
        }
        outcome = 'dead';
        return await this.#keep(raw, failure);
      }
    } catch (error) {
      // the outcome itself could not be kept: nothing is acknowledged
      this.#remember(event.id, failureOf(error, failure?.attempts ?? 1));
      outcome = 'retried';
      return 'RETRY';
    } finally {
      const { metrics, clock } = this.world;
      metrics.eventsHandled.inc({ type: event.type, outcome });
      if (event.time !== undefined) {
        const since = clock.now() - Date.parse(event.time);
        metrics.criticalTime.observe({ type: event.type }, Math.max(0, since) / 1000);
      }
      const { id, type, subject, correlationid: correlationId } = event;
      const facts = { eventId: id, type, subject, outcome, duration: performance.now() - started };
      const line = { correlationId, ...facts, ...(failure === undefined ? {} : { failure }) };
      if (failure === undefined) this.world.log.info(line, 'event handled');
      else this.world.log.warn(line, 'event not handled');
    }
  }

  /** An event that the sidecar gave up on: kept with the last error that was seen here. */
  async #bury(raw: Record<string, unknown>): Promise<Delivery> {
    const id = typeof raw['id'] === 'string' ? raw['id'] : '';
    const failure = this.#recent.get(id)?.failure ?? {
      reason: 'exhausted',
      message: 'every delivery failed; the last error was seen by another process',
      attempts: 0,
    };
    // There is no place behind this one. As long as the store cannot take the letter, its
    // delivery is not ended, so that the broker keeps it.
    for (let wait = 500; ; wait = Math.min(wait * 2, 10_000)) {
      if ((await this.#keep(raw, failure)) === 'SUCCESS') {
        this.#recent.delete(id);
        return 'SUCCESS';
      }
      await this.world.clock.sleep(wait);
    }
  }

  async #keep(raw: Record<string, unknown>, failure: Failure): Promise<Delivery> {
    try {
      const letter = await this.deadLetters.keep(raw, failure);
      const { id, type, reason, message, correlationId } = letter;
      this.world.log.error(
        { correlationId, eventId: id, type, reason, failure: message },
        'event is a dead letter',
      );
      return 'SUCCESS';
    } catch (error) {
      this.world.log.error({ failure: failureOf(error, 1) }, 'dead letter could not be kept');
      return 'RETRY';
    }
  }

  async #perform(
    cause: Cause,
    what: string,
    work: (context: Context<Definition>) => Promise<void>,
    asEvent: () => Record<string, unknown>,
  ): Promise<void> {
    await this.#count(async () => {
      const started = performance.now();
      try {
        await work(this.#open(new Handling(cause, this.world.clock)));
        this.#log(cause).info({ what, duration: performance.now() - started }, 'work done');
      } catch (error) {
        const failure = failureOf(error, 1);
        this.#log(cause).warn({ what, failure }, 'work failed');
        if (isTransient(error)) throw error;
        const event = {
          id: cause.id,
          source: this.service.name,
          correlationid: cause.correlationId,
        };
        await this.deadLetters.keep({ ...event, ...asEvent() }, failure);
      }
    });
  }

  #open(handling: Handling): Context<Definition> {
    const { name, definition } = this.service;
    const parts = { name, definition, documents: this.#documents, outcomes: this.#outcomes };
    return openContext({ ...this.world, ...parts }, handling);
  }

  #cause(given: Partial<Cause>): Cause {
    const { clock } = this.world;
    const deadline = clock.now() + HANDLING_BUDGET_MS;
    return newCause(clock, { caller: asService(), deadline, ...given });
  }

  #known(error: unknown, cause: Cause, method: string): MicroserviceError {
    if (error instanceof MicroserviceError) return error;
    this.#log(cause).error({ method, err: error }, 'unforeseen error');
    return new MicroserviceError('internal error', Code.INTERNAL);
  }

  #remember(id: string, failure: Failure): void {
    this.#recent.delete(id);
    this.#recent.set(id, { failure });
    const [oldest] = this.#recent.keys();
    if (this.#recent.size > MAX_RECENT && oldest !== undefined) this.#recent.delete(oldest);
  }

  #log(cause: Cause) {
    return this.world.log.child({ correlationId: cause.correlationId, requestId: cause.requestId });
  }

  async #count<T>(work: () => Promise<T>): Promise<T> {
    this.#active++;
    try {
      return await work();
    } finally {
      this.#active--;
      if (this.#active === 0) {
        this.#idle?.resolve();
        this.#idle = undefined;
      }
    }
  }
}

function unreadable(message: string): Failure {
  return { reason: 'unreadable', message, attempts: 1 };
}
