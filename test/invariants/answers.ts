import { type Books, type ClientRequest, type Finding, PICKUP_EXPIRED, accepted } from './books';

/**
 * One key is one order; once it was accepted, the same request returns it and another one is refused.
 * And no answer is one that a client cannot be prepared for.
 */
export function sameKeySameAnswer({ requests }: Books): Finding[] {
  const unexpected = requests.flatMap(({ name, kind, key, orderId = key, answer }) =>
    answer?.outcome === 'unexpected'
      ? [{ about: orderId, message: `${name} (${kind}) was answered ${answer.text}` }]
      : [],
  );
  const places = requests.filter(({ kind }) => kind === 'place');
  const byKey = Map.groupBy(places, ({ client, key }) => `${client} ${key}`);
  const owners = new Map<string, string>();
  const keys = [...byKey].flatMap(([key, its]): Finding[] => {
    const orders = new Set(accepted(its).map(({ answer }) => answer.orderId));
    if (orders.size > 1) {
      return [{ about: key, message: `is the key of ${[...orders].join(' and ')}` }];
    }
    const [orderId] = orders;
    if (orderId === undefined) return [];
    const owner = owners.get(orderId);
    owners.set(orderId, key);
    return [
      ...(owner === undefined
        ? []
        : [{ about: orderId, message: `has the keys ${owner}, ${key}` }]),
      ...underOneKey(its).map((message) => ({ about: orderId, message })),
    ];
  });
  return [...unexpected, ...keys];
}

/** `requests` have the same key, and one of them was accepted. */
function underOneKey(requests: readonly ClientRequest[]): string[] {
  const [first] = accepted(requests);
  if (first === undefined) return [];
  return requests.flatMap(({ name, body, orderId, sentAt, answer }) => {
    if (answer === undefined) return [];
    const { outcome, text } = answer;
    if (outcome === 'accepted') {
      if (body !== first.body) return [`was accepted with two bodies (${first.name}, ${name})`];
      const isAnother = orderId !== undefined && answer.orderId !== orderId;
      return isAnother ? [`was answered to ${name}, which is about ${orderId}`] : [];
    }
    if (outcome !== 'refused' || sentAt < first.endedAt) return [];
    if (body === first.body)
      return [`was accepted, and the same request refused: ${name}, ${text}`];
    const isWrong = answer.refusesKey !== true && answer.isMalformed !== true;
    return isWrong ? [`was accepted, and another body under its key got ${text} (${name})`] : [];
  });
}

interface Ended {
  readonly status: 'confirmed' | 'cancelled';
  readonly at: number;
}

/**
 * An order that was answered as ended is not answered as undecided afterwards, and ends as answered: for
 * the same reason if it is cancelled; only a buyer's cancellation, or a pickup that was not collected, may
 * follow a confirmation.
 */
export function answersStayTrue({ requests, orders }: Books): Finding[] {
  const books = new Map(orders.map((order) => [order.orderId, order]));
  const cancels = cancelRequests(requests);
  const ended = new Map<string, Ended>();
  return requests.flatMap(({ name, sentAt, endedAt, answer }): Finding[] => {
    const { orderId, status, reason } = answer ?? {};
    if (orderId === undefined || status === undefined) return [];
    const found: Finding[] = [];
    const add = (message: string) => found.push({ about: orderId, message });
    const known = ended.get(orderId);
    if (known !== undefined && sentAt >= known.at) {
      const isReverted =
        known.status === 'cancelled' ? status !== 'cancelled' : status === 'pending';
      if (isReverted) add(`was answered as ${status} (${name}), after ${known.status}`);
    }
    if (status === 'cancelled' || (status === 'confirmed' && known === undefined)) {
      ended.set(orderId, { status, at: endedAt });
    }
    const now = books.get(orderId);
    const is = `is ${now?.status ?? 'missing'} ${now?.reason ?? ''}`.trim();
    const stays = now?.status === status && (status !== 'cancelled' || now.reason === reason);
    if (status === 'cancelled' && !stays) {
      add(`was answered as cancelled for ${reason ?? 'no reason'} (${name}), and ${is}`);
    }
    const mayBeCancelled = cancels.has(orderId) || now?.reason === PICKUP_EXPIRED;
    if (status === 'confirmed' && !stays && !mayBeCancelled) {
      add(`was answered as confirmed (${name}), and ${is}`);
    }
    return found;
  });
}

/** The orders that a client asked to cancel. */
export function cancelRequests(requests: readonly ClientRequest[]): Set<string> {
  return new Set(
    requests.flatMap(({ kind, orderId }) =>
      kind === 'cancel' && orderId !== undefined ? [orderId] : [],
    ),
  );
}
