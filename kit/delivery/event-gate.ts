import { z } from 'zod';
import type { Clock } from '../core/clock';
import { Code, MicroserviceError, isTransient, unreadableError } from '../core/errors';
import type { Log } from '../core/log';
import type { Metrics } from '../core/metrics';
import { CloudEvent } from '../messages/cloud-event';
import type { Contract } from '../messages/contract';
import type { EventSignatures } from '../messages/event-signatures';
import { INBOX_SECONDS } from '../state/inbox';
import { type DeadLetter, type DeadLetters, type Failure, failureOf } from './dead-letters';

/** Whether an app publishes on a topic, according to the definitions. */
export type Publishes = (app: string, topic: string) => boolean;

/** A command that expires and is older than this is not executed, except as a replay. */
export const COMMAND_AGE_MS = INBOX_SECONDS * 1_000;
/** For this long after a rejected event was not kept, no other is kept or logged. */
const FULL_MS = 60_000;

interface GateDeps {
  /** The app id of the service. */
  name: string;
  /** The topics to which it subscribes. */
  topics: readonly string[];
  /** The contract of the events of a type that the service handles. */
  contractOf: (type: string) => Contract | undefined;
  publishes: Publishes;
  signatures: EventSignatures;
  deadLetters: DeadLetters;
  clock: Clock;
  log: Log;
  metrics: Metrics;
}

/**
 * Admits an event to a service: only on its own topic, only from an app that publishes it by definition, and
 * only with the signature of that app. Anything else may come from a process that has the credentials of the
 * broker, or that reaches the port of the service or of its sidecar.
 */
export class EventGate {
  readonly #topics: ReadonlySet<string>;
  #fullUntil = -Infinity;

  constructor(private readonly deps: GateDeps) {
    this.#topics = new Set(deps.topics);
  }

  /**
   * The event of a delivery, or the status (see AckStatus) of a delivery that is not admitted. A rejected event is
   * acknowledged, because a redelivery is rejected too. Never throws.
   */
  async admit(
    raw: Record<string, unknown>,
    topic: string,
  ): Promise<CloudEvent | 'SUCCESS' | 'RETRY'> {
    try {
      const event = await this.#verified(raw, topic);
      return this.#isExpired(event) ? await this.#storeExpired(raw) : event;
    } catch (error) {
      const failure = failureOf(error, 1);
      // an unexpected error is not retried: the sender may have provoked it
      if (!(error instanceof MicroserviceError) || !isTransient(error)) {
        return this.#reject(raw, topic, failure);
      }
      this.deps.log.debug({ topic, failure }, 'event not admitted yet');
      return 'RETRY';
    }
  }

  /** The event of a dead letter. Throws if it is not admitted. */
  async admitReplay({ event, type, topic }: DeadLetter): Promise<CloudEvent> {
    const isOwnWork = topic === undefined && /^(binding|job)\./.test(type);
    return isOwnWork ? parsed(event) : this.#verified(event, topic ?? type);
  }

  async #verified(raw: Record<string, unknown>, topic: string): Promise<CloudEvent> {
    const event = parsed(raw);
    const { name, contractOf, publishes, signatures } = this.deps;
    const { type, source } = event;
    if (!this.#topics.has(topic)) throw rejection('topic', `${name} does not subscribe to it`);
    if (type !== topic) throw rejection('topic', `the event does not belong on ${topic}`);
    // a command is work that a service publishes to itself
    const isCommand = contractOf(type)?.kind === 'command';
    const isOwned = isCommand ? source === name : publishes(source, type);
    if (!isOwned) throw rejection('source', `its source does not publish ${type}`);
    await signatures.verify(event);
    return event;
  }

  /**
   * A process that has read a command from the broker can publish it again, and after a day the inbox has
   * forgotten whether it was executed.
   */
  #isExpired({ type, time = '' }: CloudEvent): boolean {
    const { contractOf, clock } = this.deps;
    return contractOf(type)?.expires === true && !(clock.now() - Date.parse(time) < COMMAND_AGE_MS);
  }

  /** Unlike a rejected event, an expired command is genuine, so it is kept in any case. */
  async #storeExpired(raw: Record<string, unknown>): Promise<'SUCCESS'> {
    const { deadLetters, log, metrics } = this.deps;
    const message = 'the command is older than two days, so it may have been executed';
    const failure = { reason: 'expired', message, attempts: 1 };
    const { id: eventId, type, reason } = await deadLetters.store(raw, failure);
    metrics.eventsRejected.inc({ topic: type, reason });
    log.error({ eventId, type, reason }, 'command is a dead letter');
    return 'SUCCESS';
  }

  async #reject(
    raw: Record<string, unknown>,
    topic: string,
    failure: Failure,
  ): Promise<'SUCCESS' | 'RETRY'> {
    const { deadLetters, clock, log, metrics } = this.deps;
    const label = this.#topics.has(topic) ? topic : 'other';
    metrics.eventsRejected.inc({ topic: label, reason: failure.reason });
    if (clock.now() < this.#fullUntil) return 'SUCCESS';
    try {
      const isKept = await deadLetters.storeRejected(raw, topic, failure);
      log.warn({ topic: label, failure, isKept }, 'event rejected');
      if (!isKept) this.#fullUntil = clock.now() + FULL_MS;
      return 'SUCCESS';
    } catch (error) {
      log.error({ topic: label, failure: failureOf(error, 1) }, 'rejected event not stored');
      return error instanceof MicroserviceError ? 'RETRY' : 'SUCCESS';
    }
  }
}

function parsed(raw: Record<string, unknown>): CloudEvent {
  const { success, data, error } = CloudEvent.safeParse(raw);
  if (!success) throw unreadableError(z.prettifyError(error));
  return data;
}

function rejection(reason: string, message: string): MicroserviceError {
  return new MicroserviceError(message, Code.PERMISSION_DENIED, { reason });
}
