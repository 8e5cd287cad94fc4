import { type Books, type Found, type Violation, orderOf } from './books';
import { sameKeySameAnswer } from './invariants/answers';
import { nothingIsInFlight, replayEmptiesDeadLetters } from './invariants/bus';
import { cancelsHappen, everyOrderEnds } from './invariants/endings';
import {
  everyChangeIsOneEvent,
  everyChangeIsSaid,
  everyEventIsTold,
  sequencesRise,
} from './invariants/events';
import { moneyAddsUp } from './invariants/money';
import { nothingIsHeldForEver, readModelsFollow, stockAddsUp } from './invariants/stock';

const INVARIANTS: readonly ((books: Books) => Found[])[] = [
  ...[stockAddsUp, moneyAddsUp, everyOrderEnds, cancelsHappen, sameKeySameAnswer],
  ...[everyChangeIsSaid, everyChangeIsOneEvent, everyEventIsTold, nothingIsInFlight],
  ...[readModelsFollow, replayEmptiesDeadLetters, sequencesRise, nothingIsHeldForEver],
];

/** What is wrong in the books, by the names of the invariants. */
export function check(books: Books): Violation[] {
  return INVARIANTS.flatMap((invariant) =>
    invariant(books).map((found) => ({ invariant: invariant.name, ...found })),
  );
}

const MOST_LINES = 40;

/** All that outsiders have about an order, in the order of time: to find out what became of it. */
export function trailOf({ asked, events }: Books, orderId: string): string[] {
  const requests = asked
    .filter(({ told, path }) => told?.orderId === orderId || path.includes(orderId))
    .map((each) => {
      const { n, what, key, status = 'no answer', failure = '', sentAt, endedAt } = each;
      const came = `${status} ${each.told?.status ?? ''} ${each.told?.reason ?? ''} ${failure}`;
      return { at: sentAt, line: `request ${n} ${what} ${key}: ${came} in ${endedAt - sentAt} ms` };
    });
  const said = events
    .filter((event) => orderOf(event) === orderId || event.subject === orderId)
    .map(({ entry, topic, id, source, sequence, correlationId }) => ({
      at: Number(entry.split('-')[0]),
      line: `event ${topic} ${id} of ${source}, number ${sequence}, correlation ${correlationId}`,
    }));
  return [...requests, ...said]
    .sort((one, other) => one.at - other.at)
    .slice(0, MOST_LINES)
    .map(({ at, line }) => `${new Date(at).toISOString()} ${line}`);
}
