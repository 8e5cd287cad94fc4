import type { Asked } from '../ledger';
import { type Books, type Found, accepted } from '../books';

/** What a client must be ready for: an end, "not yet", or that it could not be done now. */
const FORESEEN: Readonly<Record<Asked['what'], readonly number[]>> = {
  order: [201, 202, 422],
  cancel: [200, 202, 422],
  refund: [201, 422],
  adjust: [200, 422],
  // it may be gone, or be replayed by another at the same time
  replay: [200, 404],
};
const NOT_NOW = [502, 503, 504];

/** 4. The same key is the same order; with another body it is refused; no answer is a surprise. */
export function sameKeySameAnswer({ asked }: Books): Found[] {
  const surprises = asked
    .filter(({ status, what }) => status !== undefined && !isForeseen(what, status))
    .map(({ n, what, path, status }) => {
      return { about: path, message: `request ${n} (${what}) was answered ${status}` };
    });
  const changed = asked
    .filter(
      ({ changed: isOther, told, status }) => isOther && isAnswer(status) && !refusesKey(told),
    )
    .map(({ n, key, status }) => {
      const message = `request ${n} has another body under this key, and was answered ${status}`;
      return { about: key, message };
    });
  const first = accepted(asked).filter((each) => each.changed === undefined);
  const byKey = Map.groupBy(first, ({ who, key }) => `${who} ${key}`);
  const owners = new Map<string, string>();
  const keys = [...byKey].flatMap(([key, answers]): Found[] => {
    const orders = new Set(answers.map(({ orderId }) => orderId));
    if (orders.size > 1) return [{ about: key, message: `is ${[...orders].join(' and ')}` }];
    const [orderId = ''] = orders;
    const owner = owners.get(orderId);
    owners.set(orderId, key);
    return owner === undefined ? [] : [{ about: orderId, message: `is of ${owner} and ${key}` }];
  });
  return [...surprises, ...changed, ...keys];
}

function isForeseen(what: Asked['what'], status: number): boolean {
  return FORESEEN[what].includes(status) || NOT_NOW.includes(status);
}

const isAnswer = (status: number | undefined) => status !== undefined && !NOT_NOW.includes(status);

function refusesKey(told: Asked['told']): boolean {
  return told?.fields?.some(({ field }) => field === 'Idempotency-Key') ?? false;
}
