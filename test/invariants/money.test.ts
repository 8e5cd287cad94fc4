import { CANCELLED, CONFIRMED, ofOrder } from './sample-books';
import type { Books } from './books';
import type { CaptureBook } from './captures';
import { type Case, detects, withEvent, withOrder, withRequest } from './test-cases';

const PAYMENT = `pay_${CONFIRMED}`;
const refund = { refundId: 'r', amount: 100, status: 'done' };

const withCaptures =
  (...captures: CaptureBook[]) =>
  (books: Books): Books => ({ ...books, captures });
const captured = (key: string, amount: number, refunds: CaptureBook['refunds'] = []) => ({
  key,
  captured: amount,
  refunds,
});
const refunded: Case[1] = (books) =>
  withOrder(CONFIRMED, { payment: { status: 'captured', amount: 1_999, refunds: [refund] } })(
    withCaptures(captured(PAYMENT, 1_999, [{ key: 'r', amount: 100 }]))(books),
  );

detects([
  [
    'an order that was captured twice',
    withCaptures(captured(PAYMENT, 1_999), captured(`${PAYMENT}_2`, 1_999)),
    ['moneyAddsUp'],
    /captured 2 times/,
  ],
  [
    'money of a cancelled order that is kept',
    (books) => ({ ...books, captures: [...books.captures, captured(`pay_${CANCELLED}`, 1_999)] }),
    ['moneyAddsUp'],
    /1999 is kept by the provider, and 0 is due/,
  ],
  [
    'a confirmed order for which nothing was captured',
    withCaptures(),
    ['moneyAddsUp'],
    /nothing was captured/,
  ],
  [
    'a refund at the provider that the payment does not show',
    withCaptures(captured(PAYMENT, 1_999, [{ key: 'r', amount: 100 }])),
    ['moneyAddsUp'],
    /1899 is kept by the provider, and 1999 is due/,
  ],
  [
    'a capture of less than the total',
    withCaptures(captured(PAYMENT, 999)),
    ['moneyAddsUp'],
    /its total is 1999/,
  ],
  [
    'a capture for an unknown order',
    (books) => ({
      ...books,
      captures: [...books.captures, captured('pay_order_unknown00000000000000u', 5)],
    }),
    ['moneyAddsUp'],
    /nothing else shows/,
  ],
  [
    'a payment of another amount than was captured',
    withOrder(CONFIRMED, { payment: { status: 'captured', amount: 5, refunds: [] } }),
    ['moneyAddsUp'],
    /1999 was captured, and 5 by its payment/,
  ],
  [
    'a refund that stays pending',
    withOrder(CONFIRMED, {
      payment: { status: 'captured', amount: 1_999, refunds: [{ ...refund, status: 'pending' }] },
    }),
    ['moneyAddsUp'],
    /stays pending for ever/,
  ],
  ['a refund without a command', refunded, ['moneyAddsUp'], /r was refunded without a command/],
  [
    'a refund whose command was refused',
    (books) => {
      const command = ofOrder(CONFIRMED, 'payment.refund', 'payment', 0, { refundId: 'r' });
      const refusedCommands = new Set([command.id]);
      return { ...withEvent(command)(refunded(books)), refusedCommands };
    },
    ['moneyAddsUp'],
    /r was refunded, and its command was refused/,
  ],
  [
    'more refunds than clients asked for',
    (books) =>
      withRequest({ kind: 'refund', orderId: CONFIRMED })(
        withOrder(CONFIRMED, {
          payment: {
            status: 'captured',
            amount: 1_999,
            refunds: [refund, { ...refund, refundId: 's' }],
          },
        })(books),
      ),
    ['moneyAddsUp'],
    /was refunded 2 times, and clients asked for 1 refunds/,
  ],
]);
