import type { Books, Finding, Violation } from './books';
import { answersStayTrue, sameKeySameAnswer } from './answers';
import { deadLettersAreTransient, nothingIsInFlight, replayEmptiesDeadLetters } from './bus';
import { cancellationsHappen, everyOrderEnds } from './endings';
import {
  everyChangeIsOneEvent,
  everyChangeIsPublished,
  oneIdOneEvent,
  sequencesRise,
} from './events';
import { moneyAddsUp } from './money';
import { everyEventIsNotified } from './notifications';
import {
  nothingStaysReserved,
  readModelsFollow,
  stockAddsUp,
  stockEventsFormAChain,
} from './stock';

/** What must hold once a system is at rest, whatever failed before. */
export const INVARIANTS = {
  stockAddsUp,
  nothingStaysReserved,
  moneyAddsUp,
  everyOrderEnds,
  cancellationsHappen,
  sameKeySameAnswer,
  answersStayTrue,
  everyChangeIsPublished,
  everyChangeIsOneEvent,
  oneIdOneEvent,
  sequencesRise,
  everyEventIsNotified,
  stockEventsFormAChain,
  readModelsFollow,
  nothingIsInFlight,
  deadLettersAreTransient,
  replayEmptiesDeadLetters,
} satisfies Record<string, (books: Books) => Finding[]>;
export type InvariantName = keyof typeof INVARIANTS;

/** Each invariant as a sentence. */
export const MEANING: Readonly<Record<InvariantName, string>> = {
  stockAddsUp: 'available, reserved and sold pieces add up to those received',
  nothingStaysReserved: 'no pieces stay reserved for an order that has ended',
  moneyAddsUp: 'the provider has kept what confirmed orders cost, less their refunds',
  everyOrderEnds:
    'each accepted order is confirmed, or cancelled and compensated, and publishes that once',
  cancellationsHappen: 'an order whose cancellation was accepted is cancelled',
  sameKeySameAnswer: 'the same key returns the same order, and another request under it is refused',
  answersStayTrue: 'an order ends as it was answered to its clients',
  everyChangeIsPublished: 'each committed change is published',
  everyChangeIsOneEvent: 'each committed change is published as one event',
  oneIdOneEvent: 'copies of an event are the same',
  sequencesRise: 'a later event of an entity has a higher sequence number',
  everyEventIsNotified: 'each event is notified once by each of its channels',
  stockEventsFormAChain:
    'each change of a stock starts where the one before it ended, and the last at what is available',
  readModelsFollow: 'catalogue and order lists show what the services have',
  nothingIsInFlight: 'each event was acknowledged by each of its consumers',
  deadLettersAreTransient: 'only an event that may succeed later becomes a dead letter',
  replayEmptiesDeadLetters: 'replaying the dead letters leaves none',
};

/** Checks each invariant. */
export function check(books: Books): Violation[] {
  return Object.entries(INVARIANTS).flatMap(([invariant, findings]) =>
    findings(books).map((finding) => ({ invariant, ...finding })),
  );
}
