import type { Books, Found } from '../books';

/** 6. What was said was handled, or is a dead letter: nothing is in flight any more. */
export function nothingIsInFlight({ groups }: Books): Found[] {
  return groups
    .filter(({ pending, lag }) => pending > 0 || lag > 0)
    .map(({ topic, name, pending, lag }) => {
      const message = `${pending} events are with ${name} without an end, ${lag} never went out`;
      return { about: topic, message };
    });
}

/** 8. Replaying the dead letters leaves none. That it doubles nothing, the other invariants tell. */
export function replayEmptiesDeadLetters({ letters }: Books): Found[] {
  return letters.map(({ service, id, type, message }) => ({
    about: id,
    message: `${type} is still a dead letter of ${service}: ${message}`,
  }));
}
