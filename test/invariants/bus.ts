import { Code } from '#kit/core/errors';
import type { Books, DeadLetterBook, Finding } from './books';

/** Each event was acknowledged by each consumer, if only after it was stored as a dead letter. */
export function nothingIsInFlight({ consumers }: Books): Finding[] {
  return consumers
    .filter(({ pending, lag }) => pending > 0 || lag > 0)
    .map(({ topic, name, pending, lag }) => ({
      about: topic,
      message: `${pending} events are unacknowledged by ${name} for ever, ${lag} were never delivered`,
    }));
}

/** Reasons that leave hope: what a handler needed was unavailable for longer than it was retried. */
const TRANSIENT: ReadonlySet<string> = new Set([
  ...[Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.ABORTED].map((code) =>
    Code[code].toLowerCase(),
  ),
  ...['timeout', 'sidecar', 'unreachable', 'provider_silent'],
]);

/** An event becomes a dead letter only where it may succeed later. */
export function deadLettersAreTransient({ deadLettersBefore }: Books): Finding[] {
  return deadLettersBefore
    .filter(({ reason }) => !TRANSIENT.has(reason))
    .map((letter) => ({ about: letter.id, message: `became a dead letter: ${textOf(letter)}` }));
}

/** That a replay doubles nothing is for the other invariants to find. */
export function replayEmptiesDeadLetters({ deadLetters }: Books): Finding[] {
  return deadLetters.map((letter) => ({
    about: letter.id,
    message: `is still a dead letter after its replay: ${textOf(letter)}`,
  }));
}

const textOf = ({ service, type, reason, message }: DeadLetterBook) =>
  `${type} in ${service}, ${reason}: ${message}`;
