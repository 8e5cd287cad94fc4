import { RefundPayment } from '#contracts/payment';
import { type Books, type Finding, type OrderBook, distinct, sum } from './books';
import { type CaptureBook, VOID, captureFaults } from './captures';

/**
 * The provider has captured the total of each confirmed order once and gave back the refunds that its
 * payment shows; it has kept nothing of any other order. Each refund was asked for.
 */
export function moneyAddsUp(books: Books): Finding[] {
  const { orders, captures, requests } = books;
  const known = new Set(orders.map(({ orderId }) => orderId));
  const ofOrder = Map.groupBy(captures, ({ key }) => orderIn(key, known) ?? '');
  const strange = (ofOrder.get('') ?? []).map(({ key }) => ({
    about: key,
    message: 'is a capture for an order that nothing else shows',
  }));
  const wanted = wantedRefunds(books);
  const asked = new Map<string, Set<string>>();
  for (const { kind, orderId, key } of requests) {
    if (kind !== 'refund' || orderId === undefined) continue;
    asked.set(orderId, (asked.get(orderId) ?? new Set()).add(key));
  }
  const found = orders.flatMap((order) => {
    const about = order.orderId;
    const its = ofOrder.get(about) ?? [];
    return [
      ...amounts(order, its),
      ...refundsAreWanted(order, its, wanted),
      ...returnsAreRefunded(order),
      ...refundsWereAskedFor(order, asked.get(about)?.size ?? 0),
    ].map((message) => ({ about, message }));
  });
  return [...strange, ...found];
}

function amounts(
  { status, total, price = total, payment }: OrderBook,
  captures: readonly CaptureBook[],
): string[] {
  const taken = captures.filter(({ captured }) => captured > 0);
  const captured = sum(taken.map((capture) => capture.captured));
  const refunded = refundedBy(payment);
  const faults = captureFaults(captures, status === 'confirmed' ? total - refunded : 0);
  if (price !== total) faults.push(`its total is ${total}, and its parts cost ${price}`);
  if (taken.length === 0 && status === 'confirmed') {
    return [`is confirmed, and nothing was captured`];
  }
  if (taken.length === 1 && captured !== total) {
    faults.push(`${captured} was captured, and its total is ${total}`);
  }
  for (const refund of payment?.refunds ?? []) {
    if (refund.status === 'pending')
      faults.push(`refund ${refund.refundId} stays pending for ever`);
  }
  if (payment?.status === 'captured' && payment.amount !== undefined) {
    if (payment.amount !== captured) {
      faults.push(`${captured} was captured, and ${payment.amount} by its payment`);
    }
    const givenBack = sum(taken.flatMap(({ refunds }) => refunds.map(({ amount }) => amount)));
    if (givenBack !== refunded) {
      faults.push(`${givenBack} was given back, and ${refunded} by its payment`);
    }
  }
  return faults;
}

const refundedBy = (payment: OrderBook['payment']) =>
  sum(
    (payment?.refunds ?? []).filter(({ status }) => status === 'done').map(({ amount }) => amount),
  );

/** The ids of refunds that were commanded; of each, the id of its command. */
function wantedRefunds({ events, refusedCommands }: Books): Map<string, boolean> {
  const wanted = new Map<string, boolean>();
  for (const { topic, id, data } of distinct(events)) {
    if (topic !== RefundPayment.type) continue;
    const isRefused = refusedCommands?.has(id) ?? false;
    wanted.set(String(data['refundId']), isRefused);
  }
  return wanted;
}

/** Each refund at the provider was commanded, or compensates the charge of a cancelled order. */
function refundsAreWanted(
  { orderId, returns = [] }: OrderBook,
  captures: readonly CaptureBook[],
  wanted: ReadonlyMap<string, boolean>,
): string[] {
  const own = `pay_${orderId}_refund`;
  const ofReturns = new Set(returns.map(({ returnId }) => `pay_${orderId}_${returnId}`));
  return captures.flatMap(({ refunds }) =>
    refunds.flatMap(({ key }) => {
      if (key === VOID || key === own || ofReturns.has(key)) return [];
      const isRefused = wanted.get(key);
      if (isRefused === undefined) return [`${key} was refunded without a command`];
      return isRefused ? [`${key} was refunded, and its command was refused`] : [];
    }),
  );
}

/** A completed return has the refund that it shows, and no other return has one. */
function returnsAreRefunded({ orderId, payment, returns = [] }: OrderBook): string[] {
  return returns.flatMap(({ returnId, status, refunded }) => {
    const refundId = `pay_${orderId}_${returnId}`;
    const its = (payment?.refunds ?? []).filter((refund) => refund.refundId === refundId);
    const done = sum(its.filter((refund) => refund.status === 'done').map(({ amount }) => amount));
    if (status === 'refunding') return [`return ${returnId} stays refunding for ever`];
    if (done === refunded) return [];
    return [`return ${returnId} is ${status} with ${refunded} refunded, and ${done} was`];
  });
}

/** A confirmed order has no more refunds than clients asked for, besides those of its returns. */
function refundsWereAskedFor(
  { orderId, status, payment, returns = [] }: OrderBook,
  asked: number,
): string[] {
  const ofReturns = new Set(returns.map(({ returnId }) => `pay_${orderId}_${returnId}`));
  const done = (payment?.refunds ?? []).filter(
    (refund) => refund.status === 'done' && !ofReturns.has(refund.refundId),
  ).length;
  if (status !== 'confirmed' || done <= asked) return [];
  return [`was refunded ${done} times, and clients asked for ${asked} refunds`];
}

/** The order that the key of a capture is about: `pay_<orderId>`, and maybe more. */
function orderIn(key: string, known: ReadonlySet<string>): string | undefined {
  for (const orderId of known) if (key.startsWith(`pay_${orderId}`)) return orderId;
  return undefined;
}
