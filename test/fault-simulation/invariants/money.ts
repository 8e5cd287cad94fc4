import { type Money, minor } from '#retail/money';
import { RefundPayment } from '#contracts/payment';
import type { Order } from '../../../services/order/domain';
import type { LedgerEntry } from '../../../services/payment/simulator/ledger';
import type { Books } from '../books';
import type { Evidence, Findings } from './violation';

export function money({ books }: Evidence, found: Findings): void {
  for (const [orderId, order] of books.orders) ofOrder(books, orderId, order, found);
  for (const key of books.ledger.keys()) {
    const orderId = [...books.orders.keys()].find((id) => key.startsWith(`pay_${id}`));
    if (orderId === undefined) found.add(`the provider knows ${key}, of no order`);
  }
}

function ofOrder(books: Books, orderId: string, order: Order, found: Findings): void {
  const paymentId = `pay_${orderId}`;
  const entries = [...books.ledger].filter(([key]) => key.startsWith(paymentId));
  const taken = entries.map(([, entry]) => capturedIn(entry));
  const captures = taken.filter((amount) => amount > 0n).length;
  if (captures > 1) found.add(`it was captured ${captures} times`, orderId);
  const given = entries.map(([, entry]) => givenBackIn(entry));
  const kept = sum(taken) - sum(given);

  const payment = books.payments.get(paymentId);
  const refunds = payment?.refunds ?? [];
  for (const { refundId, status } of refunds) {
    if (status === 'pending') found.add(`refund ${refundId} is never settled`, orderId);
  }
  const refunded = sum(refunds.filter(({ status }) => status === 'done').map(amountOf));
  if (order.status === 'confirmed') {
    found.equal(kept, minor(order.totalAmount) - refunded, 'what is kept', orderId);
    found.equal(sum(taken), minor(order.totalAmount), 'what was captured', orderId);
  } else {
    found.equal(kept, 0n, 'what is kept', orderId);
  }
  if (payment?.status === 'captured' && payment.amount !== undefined) {
    found.equal(minor(payment.amount), sum(taken), 'the payment', orderId);
    found.equal(refunded, sum(given), 'what the payment says is refunded', orderId);
  }
  refundsAreWanted(books, paymentId, entries, found, orderId);
}

/** Each refund at the provider was commanded, or is the one of a cancelled order. */
function refundsAreWanted(
  books: Books,
  paymentId: string,
  entries: [string, LedgerEntry][],
  found: Findings,
  orderId: string,
): void {
  const wanted = new Map<string, string>([[`${paymentId}_refund`, '']]);
  for (const [id, [event]] of books.events) {
    if (event?.type !== RefundPayment.type) continue;
    const command = RefundPayment.data.parse(event.data);
    if (command.paymentId === paymentId) wanted.set(command.refundId, id);
  }
  for (const [, { refunds }] of entries) {
    for (const { key } of refunds) {
      const command = wanted.get(key);
      if (command === undefined) found.add(`${key} was refunded, and nobody asked for it`, orderId);
      else if (books.refused.has(command)) found.add(`${key} was refunded and refused`, orderId);
    }
  }
}

function capturedIn({ state, amount, refunds, released }: LedgerEntry): bigint {
  // what was barred before it came has nothing to give back
  const isTaken =
    state === 'captured' || (state === 'voided' && (released !== undefined || refunds.length > 0));
  return isTaken && amount !== undefined ? minor(amount) : 0n;
}

function givenBackIn({ refunds, released }: LedgerEntry): bigint {
  return sum(refunds.map(amountOf)) + (released === undefined ? 0n : minor(released));
}

function amountOf({ amount }: { amount: Money }): bigint {
  return minor(amount);
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}
