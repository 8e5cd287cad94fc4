import { z } from 'zod';
import type { Clock } from '../core/clock';
import type { Context } from '../service/context';
import { type DeadLetters, failureOf } from '../delivery/dead-letters';
import { MAX_ATTEMPTS, isUnavailable, unreadableError } from '../delivery/event-dispatcher';
import { isTransient } from '../core/errors';
import { type CallContext } from '../core/call-context';
import { deterministicId } from '../core/deterministic-id';
import type { Log } from '../core/log';
import type { Metrics } from '../core/metrics';
import { type TtlCache, setFor, ttlCache } from '../core/ttl-cache';
import type { AnyService } from '../service/service';
import type { BindingHandler, BindingMessage, Handler } from '../service/handlers';
import type { Definition } from '../service/definition';

const JobData = z.object({ job: z.string(), data: z.unknown(), cause: z.string().optional() });
const BindingData = z.object({ data: z.string(), metadata: z.record(z.string(), z.string()) });

interface Parts {
  service: AnyService;
  deadLetters: DeadLetters;
  cause: (given: Partial<CallContext>) => CallContext;
  open: (callContext: CallContext) => Context<Definition>;
  log: (callContext: CallContext) => Log;
  metrics: Metrics;
  clock: Clock;
}

/** Of so many failing messages and jobs it is known for so long how often they failed. */
const MAX_FAILING = 1_000;
const FAILING_MS = 60 * 60_000;

/**
 * Work that comes neither as a call nor as an event: messages of input bindings, and jobs. What
 * fails for good becomes a dead letter like an event's, of the type `binding.<name>` or `job.<name>`.
 */
export class BindingJobDispatcher {
  readonly #attempts: TtlCache<number>;

  constructor(private readonly parts: Parts) {
    this.#attempts = ttlCache(MAX_FAILING, parts.clock);
  }

  /**
   * A message of a binding. Throws where it shall be given again: for as long as something else is
   * away, and a few times where this service has a fault. A message that is never acknowledged holds
   * up those behind it.
   */
  async receive(name: string, message: BindingMessage): Promise<void> {
    const { service, metrics } = this.parts;
    const type = `binding.${name}`;
    const binding = service.bindings.get(name);
    const id = binding?.identify(message);
    const callContext = this.parts.cause(
      id === undefined ? {} : { id: deterministicId('binding', name, id) },
    );
    const data = () => ({
      data: Buffer.from(message.data).toString('base64'),
      metadata: message.metadata,
    });
    let outcome: string | undefined = 'retried';
    try {
      outcome = await this.#attempt({
        ...{ type, callContext, data },
        work: () => this.#hear(type, binding, message, callContext),
        again: (error) => this.#mayComeAgain(error, data()),
      });
    } finally {
      metrics.bindingMessages.inc({ binding: name, outcome: outcome ?? 'handled' });
    }
  }

  /** A job that is due. Throws where it shall be tried again, as a message. */
  async runJob(raw: unknown): Promise<void> {
    const due = JobData.parse(raw);
    const callContext = this.parts.cause(due.cause === undefined ? {} : { id: due.cause });
    const type = `job.${due.job}`;
    await this.#attempt({
      ...{ type, callContext, data: () => due.data },
      work: () => this.run(type, callContext, due.data),
      // what is due again and again needs no dead letter to be done again
      again: (error) => due.cause === undefined || this.#mayComeAgain(error, [type, due]),
    });
  }

  /** Does the work, or throws why it cannot be done. */
  async run(type: string, callContext: CallContext, data: unknown): Promise<undefined> {
    const { service, open } = this.parts;
    const job = service.jobs.get(type.replace(/^job\./, ''));
    if (type.startsWith('binding.')) {
      const { data: text, metadata } = rethrowAsUnreadable(() => BindingData.parse(data));
      const message = { data: Buffer.from(text, 'base64'), metadata };
      await this.#hear(
        type,
        service.bindings.get(type.replace(/^binding\./, '')),
        message,
        callContext,
      );
    } else if (type.startsWith('job.') && job !== undefined) {
      const read = rethrowAsUnreadable(() => job.data.parse(data));
      await (job.handle as Handler)(read, open(callContext));
    } else {
      throw unreadableError(`${type} is not heard here`);
    }
  }

  async #hear(
    type: string,
    binding: BindingHandler | undefined,
    message: BindingMessage,
    callContext: CallContext,
  ): Promise<string | undefined> {
    if (binding === undefined) throw unreadableError(`${type} is not heard here`);
    // the type of a binding's handler says what it gives
    return (binding.handle as Handler)(message, this.parts.open(callContext)) as Promise<
      string | undefined
    >;
  }

  /** What became of it: what the work gave, or `dead`. Throws where it shall come again. */
  async #attempt({ type, callContext, data, work, again }: Attempt): Promise<string | undefined> {
    const { service, deadLetters, log } = this.parts;
    const started = performance.now();
    try {
      const outcome = await work();
      log(callContext).info({ type, outcome, duration: performance.now() - started }, 'work done');
      return outcome;
    } catch (error) {
      const failure = failureOf(error, 1);
      log(callContext).warn({ type, failure }, 'work failed');
      if (again(error)) throw error;
      const { id, correlationId: correlationid } = callContext;
      const { tenantId: tenantid } = callContext.caller;
      const event = { specversion: '1.0', id, type, source: service.name, correlationid, tenantid };
      await deadLetters.store({ ...event, data: data() }, failure);
      return 'dead';
    }
  }

  #mayComeAgain(error: unknown, work: unknown): boolean {
    if (isUnavailable(error) || !isTransient(error)) return isUnavailable(error);
    const key = deterministicId(JSON.stringify(work));
    const times = (this.#attempts.get(key) ?? 0) + 1;
    setFor(this.#attempts, key, times, FAILING_MS);
    return times < MAX_ATTEMPTS;
  }
}

interface Attempt {
  type: string;
  callContext: CallContext;
  /** What a dead letter keeps of it. */
  data: () => unknown;
  work: () => Promise<string | undefined>;
  /** Whether it shall come again after this error. */
  again: (error: unknown) => boolean;
}

/** What cannot be read is told as such: asking again gives the same. */
export function rethrowAsUnreadable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw unreadableError(error instanceof z.ZodError ? z.prettifyError(error) : String(error));
  }
}
