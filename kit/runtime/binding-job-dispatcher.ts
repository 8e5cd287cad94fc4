import { z } from 'zod';
import type { CallContext } from '../core/call-context';
import type { Clock } from '../core/clock';
import { deterministicId } from '../core/deterministic-id';
import { isTransient, isUnavailable, rethrowAsUnreadable, unreadableError } from '../core/errors';
import type { Log } from '../core/log';
import type { Metrics } from '../core/metrics';
import { type TtlCache, setFor, ttlCache } from '../core/ttl-cache';
import { type DeadLetters, failureOf } from '../delivery/dead-letters';
import { MAX_ATTEMPTS } from '../delivery/parking/parked-event';
import type { Context } from '../service/context';
import type { Definition } from '../service/definition';
import type { BindingHandler, BindingMessage, Handler } from '../service/handlers';
import type { AnyService } from '../service/service';
import { executionCallContext } from './execution-budget';

/**
 * The data of a scheduled job. `cause` is the call context id of a job that runs once. It is stored, so the
 * field names must not change.
 */
const JobData = z.object({ job: z.string(), data: z.unknown(), cause: z.string().optional() });
/** A binding message in a dead letter, its bytes in base64. */
const BindingData = z.object({ data: z.string(), metadata: z.record(z.string(), z.string()) });

interface DispatcherDeps {
  service: AnyService;
  deadLetters: DeadLetters;
  open: (callContext: CallContext) => Context<Definition>;
  log: (callContext: CallContext) => Log;
  metrics: Metrics;
  clock: Clock;
}

/** The failing messages and jobs whose attempts are counted, and for how long. */
const MAX_FAILING = 1_000;
const FAILURE_COUNT_MS = 60 * 60_000;

interface Attempt {
  type: string;
  callContext: CallContext;
  /** The data of the dead letter. */
  data: () => unknown;
  work: () => Promise<string | undefined>;
  /** Whether to retry after this error. */
  mayRetry: (error: unknown) => boolean;
}

/**
 * Handles messages of input bindings, and jobs. One that fails for good is stored as a dead letter, like
 * an event, with the type `binding.<name>` or `job.<name>`.
 */
export class BindingJobDispatcher {
  readonly #attempts: TtlCache<number>;

  constructor(private readonly deps: DispatcherDeps) {
    this.#attempts = ttlCache(MAX_FAILING, deps.clock);
  }

  /**
   * Handles a binding message. Throws if it has to be delivered again: without limit while a dependency
   * is unavailable, and up to MAX_ATTEMPTS times if this service is at fault. A message that is never
   * acknowledged would hold up those behind it.
   */
  async handleBindingMessage(name: string, message: BindingMessage): Promise<void> {
    const { service, metrics, clock } = this.deps;
    const type = `binding.${name}`;
    const binding = service.bindings.get(name);
    const id = binding?.identify(message);
    const callContext = executionCallContext(
      clock,
      id === undefined ? {} : { id: deterministicId('binding', name, id) },
    );
    const data = () => ({
      data: Buffer.from(message.data).toString('base64'),
      metadata: message.metadata,
    });
    let outcome: string | undefined = 'retried';
    try {
      outcome = await this.#attempt({
        type,
        callContext,
        data,
        work: () => this.#handleMessage(type, binding, message, callContext),
        mayRetry: (error) => this.#mayRetry(error, data()),
      });
    } finally {
      metrics.bindingMessages.inc({ binding: name, outcome: outcome ?? 'handled' });
    }
  }

  /** Runs a job that is due. Throws if it has to be retried, by the same rule as a message. */
  async runJob(raw: unknown): Promise<void> {
    const { job, data, cause } = JobData.parse(raw);
    const callContext = executionCallContext(
      this.deps.clock,
      cause === undefined ? {} : { id: cause },
    );
    const type = `job.${job}`;
    await this.#attempt({
      type,
      callContext,
      data: () => data,
      work: () => this.run(type, callContext, data),
      // a recurring job runs again when it is next due, so it needs no dead letter
      mayRetry: (error) =>
        cause === undefined || this.#mayRetry(error, [type, { job, data, cause }]),
    });
  }

  /**
   * Runs the handler of a message or job from the data of a dead letter. Throws what the handler
   * throws.
   */
  async run(type: string, callContext: CallContext, data: unknown): Promise<undefined> {
    const { service, open } = this.deps;
    const job = service.jobs.get(type.replace(/^job\./, ''));
    if (type.startsWith('binding.')) {
      const { data: bytes, metadata } = rethrowAsUnreadable(() => BindingData.parse(data));
      const message = { data: Buffer.from(bytes, 'base64'), metadata };
      const binding = service.bindings.get(type.replace(/^binding\./, ''));
      await this.#handleMessage(type, binding, message, callContext);
    } else if (type.startsWith('job.') && job !== undefined) {
      const jobData = rethrowAsUnreadable(() => job.data.parse(data));
      await (job.handle as Handler)(jobData, open(callContext));
    } else {
      throw withoutHandler(type);
    }
  }

  async #handleMessage(
    type: string,
    binding: BindingHandler | undefined,
    message: BindingMessage,
    callContext: CallContext,
  ): Promise<string | undefined> {
    if (binding === undefined) throw withoutHandler(type);
    // the type of a binding's handler allows only such results
    return (binding.handle as Handler)(message, this.deps.open(callContext)) as Promise<
      string | undefined
    >;
  }

  /**
   * Returns the outcome: the result of the work, or `dead`. Throws if there has to be another
   * attempt.
   */
  async #attempt({
    type,
    callContext,
    data,
    work,
    mayRetry,
  }: Attempt): Promise<string | undefined> {
    const { service, deadLetters, log } = this.deps;
    const started = performance.now();
    try {
      const outcome = await work();
      log(callContext).info({ type, outcome, duration: performance.now() - started }, 'work done');
      return outcome;
    } catch (error) {
      const failure = failureOf(error, 1);
      log(callContext).warn({ type, failure }, 'work failed');
      if (mayRetry(error)) throw error;
      const { id, correlationId: correlationid } = callContext;
      const { tenantId: tenantid } = callContext.caller;
      const event = { specversion: '1.0', id, type, source: service.name, correlationid, tenantid };
      await deadLetters.store({ ...event, data: data() }, failure);
      return 'dead';
    }
  }

  #mayRetry(error: unknown, work: unknown): boolean {
    if (isUnavailable(error) || !isTransient(error)) return isUnavailable(error);
    const key = deterministicId(JSON.stringify(work));
    const attempts = (this.#attempts.get(key) ?? 0) + 1;
    setFor(this.#attempts, key, attempts, FAILURE_COUNT_MS);
    return attempts < MAX_ATTEMPTS;
  }
}

function withoutHandler(type: string) {
  return unreadableError(`no handler for ${type}`);
}
