import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock';
import type { CloudEvent } from '../messages/cloud-event';
import { type DeadLetters, type Failure, failureOf } from './dead-letters';
import { type Refusal, isTransient, isUnavailable, refusalOf } from '../core/errors';
import type { Log } from '../core/log';
import type { Metrics } from '../core/metrics';
import type { CommandResults } from './command-results';
import type { EventGate } from './event-gate';
import { SIDECAR_TIMEOUT_MS } from '../transport/sidecar';

/** SUCCESS acknowledges an event; RETRY lets the bus deliver it again. */
export type AckStatus = 'SUCCESS' | 'RETRY';

/**
 * Attempts before an event is dead-lettered: 10 s with the sidecar's 2 s between deliveries. The service
 * counts and not the sidecar, because the sidecar also counts deliveries while the service is down. It
 * would give up an event, and with it the dead letter, that the service has never received.
 */
export const MAX_ATTEMPTS = 6;

/**
 * How long a command is retried while a dependency is unavailable: as long as a machine may take to
 * restart. A caller was promised that the command ends, so it must not end because another service is
 * down, a circuit breaker is open or a disk is full for a while. Measured in time and not in attempts,
 * because the bus starts another series of deliveries beside the first each time that its
 * processingTimeout passes.
 */
export const COMMAND_RETRY_MS = 5 * 60_000;

/** The bus redelivers an event that is not acknowledged within this time: its processingTimeout. */
const PROCESSING_TIMEOUT_MS = 20_000;
/**
 * The least time for recording a result, also after an execution that took longer than its budget.
 */
const MIN_RECORD_MS = 1_000;

/**
 * The failing events whose attempts are counted. An event that is evicted is counted from 1 again.
 */
const MAX_FAILING = 1_000;

interface DispatcherDeps {
  clock: Clock;
  log: Log;
  metrics: Metrics;
  results: CommandResults;
  deadLetters: DeadLetters;
  gate: EventGate;
  isCommand: (type: string) => boolean;
  /** Runs the handler of an event. */
  handle: (event: CloudEvent) => Promise<void>;
}

interface Handled {
  status: AckStatus;
  outcome: 'handled' | 'retried' | 'refused' | 'dead';
  failure?: Failure;
}

/**
 * Handles deliveries of events and decides the status of each: handled, retried, refused (a command,
 * whose refusal is recorded for its caller) or dead-lettered.
 */
export class EventDispatcher {
  readonly #running = new Map<string, Promise<AckStatus>>();
  readonly #failing = new LRUCache<string, { failure: Failure; since: number }>({
    max: MAX_FAILING,
  });

  constructor(private readonly deps: DispatcherDeps) {}

  /** Handles one delivery of an event on a topic. Never throws. */
  async deliver(raw: Record<string, unknown>, topic: string): Promise<AckStatus> {
    const event = await this.deps.gate.admit(raw, topic);
    if (typeof event === 'string') return event;
    // a delivery of an event that is being handled in this process shares the status of that one
    const { id } = event;
    const running = this.#running.get(id);
    if (running !== undefined) return running;
    const status = this.#handleObserved(event, raw).finally(() => {
      this.#running.delete(id);
    });
    this.#running.set(id, status);
    return status;
  }

  /** Runs the handler of a dead letter's event again, under the same call context id. */
  async replay(id: string): Promise<{ succeeded: boolean }> {
    const { deadLetters, gate, handle } = this.deps;
    const letter = await deadLetters.get(id);
    try {
      await handle(await gate.admitReplay(letter));
    } catch (error) {
      await deadLetters.recordFailedReplay(id, failureOf(error, 1));
      return { succeeded: false };
    }
    await deadLetters.discard(id);
    return { succeeded: true };
  }

  async #handleObserved(event: CloudEvent, raw: Record<string, unknown>): Promise<AckStatus> {
    const { metrics, clock, log } = this.deps;
    const started = performance.now();
    const { status, outcome, failure } = await this.#handle(event, raw);
    metrics.eventsHandled.inc({ type: event.type, outcome });
    if (event.time !== undefined) {
      const age = Math.max(0, clock.now() - Date.parse(event.time));
      metrics.criticalTime.observe({ type: event.type }, age / 1000);
    }
    const { id: eventId, type, subject, correlationid: correlationId } = event;
    const duration = performance.now() - started;
    const line = { correlationId, eventId, type, subject, outcome, duration };
    if (failure === undefined) log.info(line, 'event handled');
    else log.warn({ ...line, failure }, 'event not handled');
    return status;
  }

  async #handle(event: CloudEvent, raw: Record<string, unknown>): Promise<Handled> {
    const { clock, results, isCommand, handle } = this.deps;
    const { id } = event;
    const redeliveredAt = clock.now() + PROCESSING_TIMEOUT_MS;
    const command = isCommand(event.type);
    try {
      if (command) {
        await results.runInProcess(id, () => handle(event));
        await results.recordSuccess(id, this.#recordTimeout(redeliveredAt));
      } else {
        await handle(event);
      }
      this.#failing.delete(id);
      return { status: 'SUCCESS', outcome: 'handled' };
    } catch (error) {
      const earlier = this.#failing.get(id);
      const failure = failureOf(error, (earlier?.failure.attempts ?? 0) + 1);
      const failingFor = clock.now() - (earlier?.since ?? clock.now());
      const mayWait = command && isUnavailable(error) && failingFor < COMMAND_RETRY_MS;
      if (isTransient(error) && (mayWait || failure.attempts < MAX_ATTEMPTS)) {
        this.#countFailure(id, failure);
        return { status: 'RETRY', outcome: 'retried', failure };
      }
      // a command's caller waits for its refusal; an event has no such caller
      const refusal = command ? refusalOf(error) : undefined;
      const status =
        refusal === undefined
          ? await this.#storeDeadLetter(raw, failure)
          : await this.#recordRefusal(id, refusal, this.#recordTimeout(redeliveredAt));
      if (status === 'RETRY') this.#countFailure(id, failure);
      else this.#failing.delete(id);
      const outcome = refusal === undefined ? 'dead' : 'refused';
      return { status, outcome: status === 'RETRY' ? 'retried' : outcome, failure };
    }
  }

  /**
   * Cut to the time until the bus redelivers, so that recording a result does not overlap with
   * that.
   */
  #recordTimeout(redeliveredAt: number): number {
    const remaining = redeliveredAt - this.deps.clock.now();
    return Math.max(MIN_RECORD_MS, Math.min(SIDECAR_TIMEOUT_MS, remaining));
  }

  async #recordRefusal(commandId: string, refusal: Refusal, timeout: number): Promise<AckStatus> {
    try {
      await this.deps.results.recordRefusal(commandId, refusal, timeout);
      return 'SUCCESS';
    } catch {
      return 'RETRY';
    }
  }

  async #storeDeadLetter(raw: Record<string, unknown>, failure: Failure): Promise<AckStatus> {
    const { deadLetters, log } = this.deps;
    try {
      const { id: eventId, type, reason, correlationId } = await deadLetters.store(raw, failure);
      log.error({ correlationId, eventId, type, reason }, 'event is a dead letter');
      return 'SUCCESS';
    } catch (error) {
      log.error({ failure: failureOf(error, 1) }, 'dead letter could not be stored');
      return 'RETRY';
    }
  }

  #countFailure(id: string, failure: Failure): void {
    const since = this.#failing.get(id)?.since ?? this.deps.clock.now();
    this.#failing.set(id, { failure, since });
  }
}
