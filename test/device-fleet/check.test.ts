import { describe, expect, it } from '@jest/globals';
import type { Books, PurchaseBook, VendBook } from './books';
import { check } from './check';

const dispense = {
  commandId: 'c',
  machineId: 'm',
  slot: 'A1',
  expiresAt: 100_000,
  answeredAt: 50_000,
  priceMinor: 250,
  outcome: 'acknowledged' as const,
};
const capture = { key: 'vend_v1', captured: 250, refunds: [] };
const purchase: PurchaseBook = { vendId: 'v1', dispense, held: 0, captures: [capture] };
const vend: VendBook = {
  vendId: 'v1',
  machineId: 'm',
  channel: 'cashless',
  status: 'completed',
  price: 250,
};
const cashVend: VendBook = { ...vend, vendId: 'v2', channel: 'cash', price: 120 };
const sale = { machineId: 'm', saleId: 'm-1', slot: 'A1', paidMinor: 120 };

/** Books in which everything adds up. */
const books: Books = {
  unsent: 0,
  stocks: [{ shopId: 's', productId: 'p', pieces: 5, found: 5, reserved: 0, doubtful: false }],
  slots: [{ machineId: 'm', slot: 'A1', pieces: 4, found: 4 }],
  cash: [sale],
  vends: [vend, cashVend],
  purchases: [purchase],
  refusals: [{ deviceId: 'd', misdeed: 'oversized', times: 2, recorded: 3 }],
  refusedFacts: [],
  presences: [
    { deviceId: 'd', isUp: true, found: 'online' },
    { deviceId: 'e', isUp: false, found: 'offline' },
  ],
  letters: [],
  forged: 0,
};

const stock = (change: object) => ({ stocks: [{ ...books.stocks[0]!, ...change }] });
const bought = (change: Partial<PurchaseBook>) => ({ purchases: [{ ...purchase, ...change }] });
const cancelled = { ...vend, status: 'cancelled', reason: 'machine_silent' };
const refund = { key: 'r', amount: 250 };

it('reports nothing for books that add up', () => {
  expect(check(books)).toEqual([]);
});

describe('reports', () => {
  it.each<[string, Partial<Books>, string]>([
    ['a lost message', stock({ found: 6 }), '6 pieces, and there are 5'],
    ['a message that counted twice', stock({ found: 4 }), '4 pieces, and there are 5'],
    ['a stock that stays in doubt', stock({ doubtful: true }), 'in doubt'],
    ['a piece that stays reserved', stock({ reserved: 1 }), '1 pieces stay reserved'],
    ['a slot with a wrong quantity', { slots: [{ ...books.slots[0]!, found: 5 }] }, '5 pieces'],
    ['a lost cash sale', { vends: [vend] }, '0 cash sales of 0'],
    [
      'a cash sale that counted twice',
      { vends: [...books.vends, { ...cashVend, vendId: 'v3' }] },
      '2 cash',
    ],
    [
      'a cash sale with a wrong price',
      { vends: [vend, { ...cashVend, price: 100 }] },
      'sales of 100',
    ],
    ['a vend that never ends', { vends: [{ ...vend, status: 'settling' }, cashVend] }, 'for ever'],
    ['a lost vend', { vends: [cashVend] }, 'is missing'],
    [
      'a paid vend without a piece',
      bought({ dispense: { ...dispense, outcome: 'silent' } }),
      'nothing was dispensed',
    ],
    [
      'a piece that was dispensed for a cancelled vend',
      { vends: [cancelled, cashVend], ...bought({ captures: [] }) },
      'the piece was dispensed',
    ],
    [
      'a piece that was acknowledged in time and is unpaid',
      { vends: [{ ...vend, status: 'unpaid' }, cashVend], ...bought({ captures: [] }) },
      'is unpaid (), and the piece was dispensed',
    ],
    [
      'a piece that was sold at another price',
      bought({ captures: [{ ...capture, captured: 200 }] }),
      '200 is kept by the provider, and 250 is due',
    ],
    ['money that stays authorised', bought({ held: 250 }), 'for ever'],
    ['money that was not captured', bought({ captures: [] }), '250 is due'],
    ['money that was captured twice', bought({ captures: [capture, capture] }), 'captured 2 times'],
    [
      'money that was refunded',
      bought({ captures: [{ ...capture, refunds: [refund] }] }),
      '0 is kept by the provider',
    ],
    [
      'a refusal that is not recorded',
      { refusals: [{ ...books.refusals[0]!, recorded: 1 }] },
      'oversized',
    ],
    [
      'a device that is offline and shown as online',
      { presences: [{ deviceId: 'd', isUp: false, found: 'online' }] },
      'shown as online',
    ],
    ['a dead letter', { letters: [{ service: 'inventory', message: 'no' }] }, 'no'],
    ['a message that the broker never had', { unsent: 1 }, 'never accepted'],
    ['a forged command', { forged: 1 }, 'no valid signature'],
  ])('%s', (_, change, message) => {
    const found = check({ ...books, ...change });
    expect(found.map((finding) => finding.message).join()).toContain(message);
  });
});

it('accepts an unpaid piece if the machine acknowledged it too late', () => {
  const late = { ...dispense, answeredAt: 99_000 };
  const change = bought({ captures: [], dispense: late });
  expect(check({ ...books, vends: [cancelled, cashVend], ...change })).toEqual([]);
});
