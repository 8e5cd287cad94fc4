import { describe, expect, it } from '@jest/globals';
import type { Books, PurchaseBook, VendBook } from './books';
import { check } from './check';

const place = { shopId: 's', productId: 'p' };
const dispense = {
  ...{ commandId: 'c', machineId: 'm', slot: 'A1', expiresAt: 100_000, answeredAt: 50_000 },
  priceMinor: 250,
  outcome: 'acknowledged' as const,
};
const bought: PurchaseBook = {
  ...{ vendId: 'v1', dispense, held: 0, captured: 250, refunded: 0, captures: 1 },
};
const vend: VendBook = {
  ...{ vendId: 'v1', machineId: 'm', channel: 'cashless', status: 'completed', price: 250 },
};
const cashVend: VendBook = { ...vend, vendId: 'v2', channel: 'cash', price: 120 };
const sale = { machineId: 'm', saleId: 'm-1', slot: 'A1', paidMinor: 120 };

/** All as it should be. */
const books: Books = {
  unsent: 0,
  stocks: [{ ...place, pieces: 5, found: 5, reserved: 0, doubtful: false }],
  slots: [{ machineId: 'm', slot: 'A1', pieces: 4, found: 4 }],
  cash: [sale],
  vends: [vend, cashVend],
  purchases: [bought],
  refusals: [{ deviceId: 'd', misdeed: 'oversized', times: 2, recorded: 3 }],
  presences: [
    { deviceId: 'd', isUp: true, found: 'online' },
    { deviceId: 'e', isUp: false, found: 'offline' },
  ],
  letters: [],
  forged: 0,
};

const stock = (change: object) => ({ stocks: [{ ...books.stocks[0]!, ...change }] });
const isVoid = { captured: 0, captures: 0 };
const cancelled = { ...vend, status: 'cancelled', reason: 'machine_silent' };

it('says nothing of books that add up', () => {
  expect(check(books)).toEqual([]);
});

describe('a fault that is planted is found:', () => {
  it.each<[string, Partial<Books>, string]>([
    ['a message got lost', stock({ found: 6 }), '6 pieces, and there are 5'],
    ['a message counted twice', stock({ found: 4 }), '4 pieces, and there are 5'],
    ['a stock stays in doubt', stock({ doubtful: true }), 'in doubt'],
    ['a piece is held for ever', stock({ reserved: 1 }), '1 pieces are held'],
    ['a slot is off', { slots: [{ ...books.slots[0]!, found: 5 }] }, '5 pieces'],
    ['a cash sale got lost', { vends: [vend] }, '0 cash sales of 0'],
    [
      'a cash sale counted twice',
      { vends: [...books.vends, { ...cashVend, vendId: 'v3' }] },
      '2 cash',
    ],
    ['cash was booked wrongly', { vends: [vend, { ...cashVend, price: 100 }] }, 'sales of 100'],
    ['a vend never ends', { vends: [{ ...vend, status: 'settling' }, cashVend] }, 'for ever'],
    ['a vend got lost', { vends: [cashVend] }, 'is not there'],
    [
      'a vend is paid for nothing',
      { purchases: [{ ...bought, dispense: { ...dispense, outcome: 'silent' } }] },
      'nothing came out',
    ],
    [
      'a piece came out for nothing',
      { vends: [cancelled, cashVend], purchases: [{ ...bought, ...isVoid }] },
      'the piece came out',
    ],
    [
      'a piece that came out in time is not paid for',
      {
        vends: [{ ...vend, status: 'unpaid' }, cashVend],
        purchases: [{ ...bought, ...isVoid }],
      },
      'is unpaid (), and the piece came out',
    ],
    ['a piece is sold at another price', { purchases: [{ ...bought, captured: 200 }] }, 'is 200'],
    ['money is neither taken nor given up', { purchases: [{ ...bought, held: 250 }] }, 'for ever'],
    ['money was not taken', { purchases: [{ ...bought, ...isVoid }] }, '250 is due'],
    ['money was taken twice', { purchases: [{ ...bought, captures: 2 }] }, 'taken 2 times'],
    ['money was given back', { purchases: [{ ...bought, refunded: 250 }] }, 'is 0'],
    ['a refusal is nowhere', { refusals: [{ ...books.refusals[0]!, recorded: 1 }] }, 'oversized'],
    [
      'a device is not seen to be gone',
      { presences: [{ deviceId: 'd', isUp: false, found: 'online' }] },
      'said to be online',
    ],
    ['an event is dead', { letters: [{ service: 'inventory', message: 'no' }] }, 'no'],
    ['a message is stuck', { unsent: 1 }, 'never taken'],
    ['a command is forged', { forged: 1 }, 'not signed'],
  ])('%s', (_, planted, message) => {
    const found = check({ ...books, ...planted });
    expect(found.map((violation) => violation.message).join()).toContain(message);
  });
});

it('lets a piece go for nothing where the machine told of it too late', () => {
  const late = { ...dispense, answeredAt: 99_000 };
  const purchases = [{ ...bought, ...isVoid, dispense: late }];
  expect(check({ ...books, vends: [cancelled, cashVend], purchases })).toEqual([]);
});
