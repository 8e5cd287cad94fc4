import type { Books, CaptureBook, Found, OrderBook } from '../books';

/** 2. At the provider: one capture for a confirmed order, of its total; what is left is what was not given back. */
export function moneyAddsUp({ orders, captures, asked }: Books): Found[] {
  const taken = Map.groupBy(
    captures.filter(({ captured }) => captured > 0),
    ({ key }) => orderIn(key),
  );
  const asks = refundsAsked(asked);
  const known = new Set(orders.map(({ orderId }) => orderId));
  const strange = [...taken].flatMap(([orderId, its]) =>
    known.has(orderId) || its.every((capture) => kept(capture) === 0)
      ? []
      : [{ about: orderId, message: `${cents(its)} taken for an order that nobody knows` }],
  );
  return [
    ...strange,
    ...orders.flatMap((order) => ofOne(order, taken.get(order.orderId) ?? [], asks)),
  ];
}

function ofOne(
  order: OrderBook,
  taken: readonly CaptureBook[],
  asks: ReadonlyMap<string, number>,
): Found[] {
  const { orderId, status, total, payment } = order;
  const says = (message: string): Found[] => [{ about: orderId, message }];
  if (taken.length > 1) {
    return says(`was captured ${taken.length} times: ${taken.map(({ key }) => key).join(', ')}`);
  }
  const [capture] = taken;
  const left = capture === undefined ? 0 : kept(capture);
  if (capture !== undefined && capture.captured !== total) {
    return says(`${capture.captured} cents were captured, its total is ${total}`);
  }
  if (left < 0) return says(`${-left} cents more were given back than taken`);
  if (status === 'cancelled' && left !== 0) {
    return says(`is cancelled, and ${left} cents of it are kept`);
  }
  if (status !== 'confirmed') return [];
  if (capture === undefined) return says('is confirmed, and nothing was captured');
  const refunds = payment?.refunds.filter((refund) => refund.status === 'done') ?? [];
  const told = refunds.reduce((sum, { amount }) => sum + amount, 0);
  if (left !== total - told) {
    return says(`${left} cents are kept, but of ${total} its payment says ${told} are refunded`);
  }
  const wanted = asks.get(orderId) ?? 0;
  return refunds.length <= wanted
    ? []
    : says(`was refunded ${refunds.length} times, and that was asked for ${wanted} times`);
}

/** How many different refunds were asked for, by order. */
function refundsAsked(asked: Books['asked']): Map<string, number> {
  const keys = asked
    .filter(({ what }) => what === 'refund')
    .map(({ path, key }) => ({ orderId: orderIn(path), key }));
  return new Map(
    [...Map.groupBy(keys, ({ orderId }) => orderId)].map(([orderId, its]) => [
      orderId,
      new Set(its.map(({ key }) => key)).size,
    ]),
  );
}

const kept = ({ captured, refunds }: CaptureBook) =>
  refunds.reduce((left, { amount }) => left - amount, captured);

const cents = (captures: readonly CaptureBook[]) =>
  `${captures.reduce((sum, capture) => sum + kept(capture), 0)} cents`;

/** The order that a key or path names. */
const orderIn = (text: string) => /order_[\w-]{22}/.exec(text)?.[0] ?? text;
