import { type PublishedEvent, orderOf } from '../invariants/books';
import type { LoggedRequest } from './request-log';

const MOST_LINES = 40;

/** The requests and events of an order by time: what to read first when an invariant is violated. */
export function trailOf(
  requests: readonly LoggedRequest[],
  events: readonly PublishedEvent[],
  orderId: string,
): string[] {
  const asked = requests
    .filter(({ data, path }) => data?.orderId === orderId || path.includes(orderId))
    .map((each) => {
      const { n, kind, key, status = 'no answer', failure = '', sentAt, endedAt, data } = each;
      const answer = `${status} ${data?.status ?? ''} ${data?.reason ?? ''} ${failure}`;
      return {
        at: sentAt,
        line: `request ${n} ${kind} ${key}: ${answer} in ${endedAt - sentAt} ms`,
      };
    });
  const published = events
    .filter((event) => orderOf(event) === orderId || event.subject === orderId)
    .map(({ entry, topic, id, source, sequence, correlationId }) => ({
      at: Number(entry.split('-')[0]),
      line: `event ${topic} ${id} of ${source}, number ${sequence}, correlation ${correlationId}`,
    }));
  return [...asked, ...published]
    .sort((one, other) => one.at - other.at)
    .slice(0, MOST_LINES)
    .map(({ at, line }) => `${new Date(at).toISOString()} ${line}`);
}
