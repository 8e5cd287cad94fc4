import { CANCELLED, CONFIRMED } from '../made-up';
import { finds, withOrder } from '../spoil';

const twiceTaken = [
  { key: `pay_${CONFIRMED}`, captured: 1_999, refunds: [] },
  { key: `pay_${CONFIRMED}_2`, captured: 1_999, refunds: [] },
];

finds([
  [
    'an order was captured twice',
    (books) => ({ ...books, captures: twiceTaken }),
    ['moneyAddsUp'],
    /captured 2 times/,
  ],
  [
    'money of a cancelled order is kept',
    (books) => ({
      ...books,
      captures: [...books.captures, { key: `pay_${CANCELLED}`, captured: 1_999, refunds: [] }],
    }),
    ['moneyAddsUp'],
    /1999 cents of it are kept/,
  ],
  [
    'nothing was captured',
    (books) => ({ ...books, captures: [] }),
    ['moneyAddsUp'],
    /nothing was captured/,
  ],
  [
    'more was given back than the payment tells',
    (books) => ({
      ...books,
      captures: [
        { key: `pay_${CONFIRMED}`, captured: 1_999, refunds: [{ key: 'r', amount: 100 }] },
      ],
    }),
    ['moneyAddsUp'],
    /1899 cents are kept/,
  ],
  [
    'too little was captured',
    (books) => ({ ...books, captures: [{ key: `pay_${CONFIRMED}`, captured: 999, refunds: [] }] }),
    ['moneyAddsUp'],
    /its total is 1999/,
  ],
  [
    'money was taken for nobody',
    (books) => ({
      ...books,
      captures: [
        ...books.captures,
        { key: 'pay_order_unknown00000000000000u', captured: 5, refunds: [] },
      ],
    }),
    ['moneyAddsUp'],
    /nobody knows/,
  ],
  ['an order is lost', withOrder(CONFIRMED, { status: 'missing' }), ['everyOrderEnds'], /is lost/],
]);
