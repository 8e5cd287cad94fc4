import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Clock } from '../core/clock';
import { CloudEvent } from '../messages/cloud-event';
import { type DeadLetters, type Failure, failureOf } from './dead-letters';
import { Code, MicroserviceError, type Refusal, isTransient, refusalOf } from '../core/errors';
import type { Log } from '../core/log';
import type { Metrics } from '../core/metrics';
import type { CommandResults } from './command-results';

/** SUCCESS: done with, not to be given again. RETRY: to be given again later. */
export type AckStatus = 'SUCCESS' | 'RETRY';

/**
 * A handler gets an event so often before it is a dead letter. Counted here and not by the sidecar:
 * that one also counts what it tries while the service is away, and then gives up an event, and
 * with it a dead letter, that nobody has ever seen. With its 2 s between two deliveries that is 10 s.
 */
export const MAX_ATTEMPTS = 6;

/**
 * A command was promised to somebody: an order that was accepted ends. It is not given up because
 * another service is away for a while, a breaker is open or a disk is full: that may last as long as
 * a machine takes to come back. In time and not in attempts: of an event that is not taken, the bus
 * begins another round of deliveries beside the first each time that its processingTimeout is over.
 */
export const COMMAND_RETRY_MS = 5 * 60_000;

/** With these something else is away; with any other transient failure this service has a fault. */
const AWAY: ReadonlySet<Code> = new Set([
  Code.UNAVAILABLE,
  Code.DEADLINE_EXCEEDED,
  Code.RESOURCE_EXHAUSTED,
]);

/** Of so many failing events it is known how often they failed; one forgotten is counted anew. */
const MAX_FAILING = 1_000;

interface Parts {
  clock: Clock;
  log: Log;
  metrics: Metrics;
  outcomes: CommandResults;
  deadLetters: DeadLetters;
  isCommand: (type: string) => boolean;
  /** Hands an event to its handler. */
  handle: (event: CloudEvent) => Promise<void>;
}

/** What becomes of an event: handled, retried, answered with a refusal, or kept as a dead letter. */
export class EventDispatcher {
  readonly #running = new Map<string, Promise<AckStatus>>();
  readonly #failing = new LRUCache<string, { failure: Failure; since: number }>({
    max: MAX_FAILING,
  });

  constructor(private readonly parts: Parts) {}

  /** One delivery of an event. Never throws. */
  async deliver(raw: Record<string, unknown>): Promise<AckStatus> {
    const parsed = CloudEvent.safeParse(raw);
    if (!parsed.success) return this.#keep(raw, unreadable(parsed.error));
    // a delivery that comes while the same event is being handled here shares its outcome
    const { id } = parsed.data;
    const running = this.#running.get(id);
    if (running !== undefined) return running;
    const delivery = this.#observed(parsed.data, raw).finally(() => {
      this.#running.delete(id);
    });
    this.#running.set(id, delivery);
    return delivery;
  }

  /** Hands a dead letter's event to its handler again, under the same cause. */
  async replay(id: string): Promise<{ succeeded: boolean }> {
    const { deadLetters, handle } = this.parts;
    const letter = await deadLetters.get(id);
    const parsed = CloudEvent.safeParse(letter.event);
    try {
      if (!parsed.success) throw unreadableError(z.prettifyError(parsed.error));
      await handle(parsed.data);
    } catch (error) {
      await deadLetters.recordFailedReplay(id, failureOf(error, 1));
      return { succeeded: false };
    }
    await deadLetters.discard(id);
    return { succeeded: true };
  }

  async #observed(event: CloudEvent, raw: Record<string, unknown>): Promise<AckStatus> {
    const { metrics, clock, log } = this.parts;
    const started = performance.now();
    const { delivery, outcome, failure } = await this.#decided(event, raw);
    metrics.eventsHandled.inc({ type: event.type, outcome });
    if (event.time !== undefined) {
      const since = Math.max(0, clock.now() - Date.parse(event.time));
      metrics.criticalTime.observe({ type: event.type }, since / 1000);
    }
    const { id: eventId, type, subject, correlationid: correlationId } = event;
    const duration = performance.now() - started;
    const line = { correlationId, eventId, type, subject, outcome, duration };
    if (failure === undefined) log.info(line, 'event handled');
    else log.warn({ ...line, failure }, 'event not handled');
    return delivery;
  }

  async #decided(
    event: CloudEvent,
    raw: Record<string, unknown>,
  ): Promise<{ delivery: AckStatus; outcome: string; failure?: Failure }> {
    const { clock, outcomes, isCommand, handle } = this.parts;
    const { id } = event;
    const command = isCommand(event.type);
    try {
      if (command) {
        await outcomes.runInProcess(id, () => handle(event));
        await outcomes.recordSuccess(id);
      } else {
        await handle(event);
      }
      this.#failing.delete(id);
      return { delivery: 'SUCCESS', outcome: 'handled' };
    } catch (error) {
      const earlier = this.#failing.get(id);
      const failure = failureOf(error, (earlier?.failure.attempts ?? 0) + 1);
      const failingFor = clock.now() - (earlier?.since ?? clock.now());
      const mayWait = command && isUnavailable(error) && failingFor < COMMAND_RETRY_MS;
      if (isTransient(error) && (mayWait || failure.attempts < MAX_ATTEMPTS)) {
        this.#remember(id, failure);
        return { delivery: 'RETRY', outcome: 'retried', failure };
      }
      const refusal = command ? refusalOf(error) : undefined;
      // whoever sent a command is told; nobody waits for what becomes of an event
      const delivery =
        refusal === undefined ? await this.#keep(raw, failure) : await this.#answer(id, refusal);
      if (delivery === 'RETRY') this.#remember(id, failure);
      else this.#failing.delete(id);
      const outcome = refusal === undefined ? 'dead' : 'refused';
      return { delivery, outcome: delivery === 'RETRY' ? 'retried' : outcome, failure };
    }
  }

  async #answer(commandId: string, refusal: Refusal): Promise<AckStatus> {
    try {
      await this.parts.outcomes.recordRefusal(commandId, refusal);
      return 'SUCCESS';
    } catch {
      return 'RETRY';
    }
  }

  async #keep(raw: Record<string, unknown>, failure: Failure): Promise<AckStatus> {
    const { deadLetters, log } = this.parts;
    try {
      const { id: eventId, type, reason, correlationId } = await deadLetters.store(raw, failure);
      log.error({ correlationId, eventId, type, reason }, 'event is a dead letter');
      return 'SUCCESS';
    } catch (error) {
      log.error({ failure: failureOf(error, 1) }, 'dead letter could not be kept');
      return 'RETRY';
    }
  }

  #remember(id: string, failure: Failure): void {
    const since = this.#failing.get(id)?.since ?? this.parts.clock.now();
    this.#failing.set(id, { failure, since });
  }
}

/** Whether it failed because something else is away. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof MicroserviceError && AWAY.has(error.code);
}

/** What came is not what its contract says; asking again gives the same. */
export function unreadableError(message: string): MicroserviceError {
  return new MicroserviceError(message, Code.DATA_LOSS, { reason: 'unreadable' });
}

function unreadable(error: z.ZodError): Failure {
  return failureOf(unreadableError(z.prettifyError(error)), 1);
}
