import type { Clock } from '../core/clock';
import { type FailureClass, type Refusal, failureClassOf, refusalOf } from '../core/errors';
import type { MadeChange } from '../core/execution';
import type { Log } from '../core/log';
import type { Metrics } from '../core/metrics';
import { CloudEvent } from '../messages/cloud-event';
import { STATE } from '../transport/dependencies';
import { SIDECAR_TIMEOUT_MS } from '../transport/sidecar';
import type { CommandResults } from './command-results';
import { type DeadLetters, type Failure, failureOf } from './dead-letters';
import type { EventGate } from './event-gate';
import {
  PARKED_MS,
  type ParkedEvent,
  afterFailure,
  isPoison,
  waitsFor,
} from './parking/parked-event';
import { type ParkingLot, subjectOf } from './parking/parking-lot';

/** SUCCESS acknowledges an event; RETRY lets the bus deliver it again. */
export type AckStatus = 'SUCCESS' | 'RETRY';

/** The bus redelivers an event that is not acknowledged within this time: its processingTimeout. */
const PROCESSING_TIMEOUT_MS = 20_000;
/**
 * The least time for recording a result, also after an execution that took longer than its budget.
 */
const MIN_RECORD_MS = 1_000;

/** The reason of a dead letter whose dependency was unavailable for PARKED_MS. */
export const UNAVAILABLE_REASON = 'unavailable';

/** The most dead letters that one call of `replayAll` looks at. */
const REPLAY_BATCH = 100;

/** What the events of replayed dead letters wait for, until they are tried. */
const REPLAY = 'replay';

interface DispatcherDeps {
  clock: Clock;
  log: Log;
  metrics: Metrics;
  results: CommandResults;
  deadLetters: DeadLetters;
  gate: EventGate;
  parkingLot: ParkingLot;
  isCommand: (type: string) => boolean;
  /** Runs the handler of an event. It does not repeat the changes in `made`, and adds those that it makes. */
  handle: (event: CloudEvent, made: Map<string, MadeChange>) => Promise<void>;
}

type Outcome = Handled['outcome'];

type Handled =
  | { outcome: 'handled'; failure?: never }
  | { outcome: 'parked'; failure?: Failure }
  | { outcome: 'retried' | 'refused' | 'dead'; failure: Failure };

/** The end of an attempt that may succeed later. */
interface Waits {
  outcome: 'waits';
  dependency: string;
  failure: Failure;
  failureClass: FailureClass;
}

/** The result of another attempt of a parked event: it is over, or waits for a dependency. */
export type Retried = { over: true } | { over: false; dependency: string; parked: ParkedEvent };

/**
 * Handles deliveries of events and decides the outcome of each: handled; refused (a command, whose refusal
 * is recorded for its caller); a dead letter (it needs a person); or parked, to be handled later by this
 * service. A parked event is acknowledged, so that it holds up neither its subscription nor the events of
 * other subjects.
 *
 * Only an event that cannot be parked is left to the bus: while the state store is unavailable, and a
 * request or reply, which is of no use a few seconds later.
 */
export class EventDispatcher {
  readonly #running = new Map<string, Promise<Outcome>>();
  /** The subjects of which an event is being parked. */
  readonly #parking = new Map<string, Promise<unknown>>();
  /** When an event of each type was last handled, in epoch milliseconds. */
  readonly #handledAt = new Map<string, number>();

  constructor(private readonly deps: DispatcherDeps) {}

  /** Handles one delivery of an event on a topic. Never throws. */
  async deliver(raw: Record<string, unknown>, topic: string): Promise<AckStatus> {
    const event = await this.deps.gate.admit(raw, topic);
    if (typeof event === 'string') return event;
    const outcome = await this.#once(event.id, async () => {
      const handled = await this.#observed(event, () => this.#handleOrPark(event, raw));
      return handled.outcome;
    });
    if (outcome === 'parked') await this.deps.parkingLot.whenKnown(this.#subjectOf(event));
    return ackOf(outcome);
  }

  /**
   * Makes another attempt of a parked event. `countWaiting` returns how many subjects wait for a
   * dependency.
   */
  async retry(parked: ParkedEvent, countWaiting: (dependency: string) => number): Promise<Retried> {
    const event = CloudEvent.parse(parked.event);
    // another delivery of the event, which finds that it is parked
    for (let other = this.#running.get(event.id); other !== undefined;) {
      await other;
      other = this.#running.get(event.id);
    }
    let retried: Retried = { over: true };
    await this.#once(event.id, async () => {
      const { outcome } = await this.#observed(event, async () => {
        const made = new Map(Object.entries(parked.made));
        const handled = await this.#attempt(event, parked.event, made, parked.attempts + 1);
        const ended = await this.#endOf(handled, parked, made, event.type, countWaiting);
        if (ended.parked !== undefined) retried = { over: false, ...ended.parked };
        return ended.handled;
      });
      return outcome;
    });
    return retried;
  }

  /** Decides whether a parked event waits on after an attempt. */
  async #endOf(
    handled: Handled | Waits,
    parked: ParkedEvent,
    made: ReadonlyMap<string, MadeChange>,
    type: string,
    countWaiting: (dependency: string) => number,
  ): Promise<{ handled: Handled; parked?: { dependency: string; parked: ParkedEvent } }> {
    if (handled.outcome !== 'waits' && handled.outcome !== 'retried') return { handled };
    const { failure } = handled;
    // otherwise the result of the attempt could not be stored
    const dependency = handled.outcome === 'waits' ? handled.dependency : STATE;
    const now = this.deps.clock.now();
    const failed = {
      ...afterFailure(parked, failure, dependency, now),
      made: Object.fromEntries(made),
    };
    const isFault = handled.outcome === 'waits' && handled.failureClass === 'fault';
    const isDead =
      now - parked.parkedAt >= PARKED_MS ||
      (isFault &&
        isPoison(failed, {
          now,
          waiting: countWaiting(dependency),
          handledAt: this.#handledAt.get(type) ?? 0,
        }));
    if (isDead) {
      const reason = isFault ? failure.reason : UNAVAILABLE_REASON;
      const dead = await this.#storeDeadLetter(parked.event, { ...failure, reason });
      if (dead.outcome === 'dead') return { handled: dead };
    }
    return { handled: { outcome: 'parked', failure }, parked: { dependency, parked: failed } };
  }

  /** Runs the handler of a dead letter's event again, under the same call context id. */
  async replay(id: string): Promise<{ succeeded: boolean }> {
    const { deadLetters, gate, handle } = this.deps;
    const letter = await deadLetters.get(id);
    try {
      await handle(await gate.admitReplay(letter), new Map());
    } catch (error) {
      await deadLetters.recordFailedReplay(id, failureOf(error, 1));
      return { succeeded: false };
    }
    await deadLetters.discard(id);
    return { succeeded: true };
  }

  /**
   * Parks the events of dead letters, oldest first, to be handled again in the order of each subject. Looks
   * at no more than REPLAY_BATCH of them, without the `skip` oldest ones.
   */
  async replayAll(
    filter: { reason?: string | undefined; type?: string | undefined },
    skip: number,
  ): Promise<{ replayed: number; skip: number; more: boolean }> {
    const { deadLetters, parkingLot, gate, clock } = this.deps;
    const letters = await deadLetters.oldest(skip, REPLAY_BATCH);
    let replayed = 0;
    for (const letter of letters) {
      const { id, reason, type, attempts, event: raw } = letter;
      const { reason: wantedReason = reason, type: wantedType = type } = filter;
      if (reason !== wantedReason || type !== wantedType) continue;
      let event: CloudEvent;
      try {
        event = await gate.admitReplay(letter);
      } catch (error) {
        await deadLetters.recordFailedReplay(id, failureOf(error, 1));
        continue;
      }
      const parked = { event: raw, parkedAt: clock.now(), attempts, made: {} };
      await parkingLot.park(event.id, this.#subjectOf(event), parked, REPLAY);
      await deadLetters.discard(id, 'oldest');
      replayed++;
    }
    return {
      replayed,
      skip: skip + letters.length - replayed,
      more: letters.length === REPLAY_BATCH,
    };
  }

  /** Deliveries of an event that is being handled in this process share the outcome of that one. */
  async #once(id: string, work: () => Promise<Outcome>): Promise<Outcome> {
    const running = this.#running.get(id);
    if (running !== undefined) return running;
    const outcome = work().finally(() => {
      this.#running.delete(id);
    });
    this.#running.set(id, outcome);
    return outcome;
  }

  async #observed(event: CloudEvent, work: () => Promise<Handled>): Promise<Handled> {
    const { metrics, clock, log } = this.deps;
    const started = performance.now();
    const handled = await work();
    const { outcome, failure } = handled;
    metrics.eventsHandled.inc({ type: event.type, outcome });
    if (event.time !== undefined && outcome !== 'parked') {
      const age = Math.max(0, clock.now() - Date.parse(event.time));
      metrics.criticalTime.observe({ type: event.type }, age / 1000);
    }
    const { id: eventId, type, subject, correlationid: correlationId } = event;
    const duration = performance.now() - started;
    const line = { correlationId, eventId, type, subject, outcome, duration };
    if (outcome === 'handled') log.info(line, 'event handled');
    // an outage is one line for its dependency, and not one for each event
    else if (outcome === 'parked') log.debug({ ...line, failure }, 'event parked');
    else log.warn({ ...line, failure }, 'event not handled');
    return handled;
  }

  async #handleOrPark(event: CloudEvent, raw: Record<string, unknown>): Promise<Handled> {
    const { parkingLot, clock } = this.deps;
    const subject = this.#subjectOf(event);
    const mayWait = event.expirytime === undefined;
    const parkedAt = clock.now();
    const parked: ParkedEvent = { event: raw, parkedAt, attempts: 0, made: {} };
    if (mayWait) {
      try {
        await this.#parking.get(subject);
        if (await parkingLot.isWaiting(subject)) return await this.#park(event, parked, '');
      } catch (error) {
        return { outcome: 'retried', failure: failureOf(error, 1) };
      }
    }
    const made = new Map<string, MadeChange>();
    const handled = await this.#attempt(event, raw, made, 1);
    if (handled.outcome !== 'waits') return handled;
    const { dependency, failure } = handled;
    if (!mayWait) return { outcome: 'retried', failure };
    const failed = afterFailure(parked, failure, dependency, parkedAt);
    try {
      return await this.#park(event, { ...failed, made: Object.fromEntries(made) }, dependency);
    } catch {
      return { outcome: 'retried', failure };
    }
  }

  #subjectOf(event: CloudEvent): string {
    return subjectOf(event, this.deps.isCommand(event.type));
  }

  async #park(event: CloudEvent, parked: ParkedEvent, dependency: string): Promise<Handled> {
    const subject = this.#subjectOf(event);
    const parking = this.deps.parkingLot.park(event.id, subject, parked, dependency);
    const noted = parking.catch(() => undefined);
    this.#parking.set(subject, noted);
    try {
      await parking;
    } finally {
      if (this.#parking.get(subject) === noted) this.#parking.delete(subject);
    }
    const { reason, message } = parked.failure ?? {};
    if (reason === undefined || message === undefined) return { outcome: 'parked' };
    return { outcome: 'parked', failure: { reason, message, attempts: parked.attempts } };
  }

  /** Runs the handler once. A failure that may pass is `waits`. */
  async #attempt(
    event: CloudEvent,
    raw: Record<string, unknown>,
    made: Map<string, MadeChange>,
    attempts: number,
  ): Promise<Handled | Waits> {
    const { clock, results, isCommand, handle } = this.deps;
    const { id, type } = event;
    const redeliveredAt = clock.now() + PROCESSING_TIMEOUT_MS;
    const command = isCommand(type);
    try {
      if (command) {
        await results.runInProcess(id, () => handle(event, made));
        await results.recordSuccess(id, this.#recordTimeout(redeliveredAt));
      } else {
        await handle(event, made);
      }
      this.#handledAt.set(type, clock.now());
      return { outcome: 'handled' };
    } catch (error) {
      const failure = failureOf(error, attempts);
      const failureClass = failureClassOf(error);
      if (failureClass !== 'refused' && failureClass !== 'unreadable') {
        const dependency = waitsFor(error, failureClass, type);
        return { outcome: 'waits', dependency, failure, failureClass };
      }
      // a command's caller waits for its refusal; an event has no such caller
      const refusal = command ? refusalOf(error) : undefined;
      if (refusal === undefined) return this.#storeDeadLetter(raw, failure);
      const timeout = this.#recordTimeout(redeliveredAt);
      return this.#recordRefusal(id, refusal, failure, timeout);
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

  async #recordRefusal(
    commandId: string,
    refusal: Refusal,
    failure: Failure,
    timeout: number,
  ): Promise<Handled> {
    try {
      await this.deps.results.recordRefusal(commandId, refusal, timeout);
      return { outcome: 'refused', failure };
    } catch {
      return { outcome: 'retried', failure };
    }
  }

  async #storeDeadLetter(raw: Record<string, unknown>, failure: Failure): Promise<Handled> {
    const { deadLetters, log } = this.deps;
    try {
      const { id: eventId, type, reason, correlationId } = await deadLetters.store(raw, failure);
      log.error({ correlationId, eventId, type, reason }, 'event is a dead letter');
      return { outcome: 'dead', failure };
    } catch (error) {
      log.error({ failure: failureOf(error, 1) }, 'dead letter could not be stored');
      return { outcome: 'retried', failure };
    }
  }
}

function ackOf(outcome: Outcome): AckStatus {
  return outcome === 'retried' ? 'RETRY' : 'SUCCESS';
}
