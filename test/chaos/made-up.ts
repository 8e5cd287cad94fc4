import { deterministicId } from '#kit/core/deterministic-id';
import type { Asked } from './ledger';
import type { Books, OrderBook, Said } from './books';

// Made-up books for the tests of the invariants: one order that was confirmed and one that was
// cancelled, and all that is said and kept of them. Whoever tests an invariant spoils one thing.

const USER = 'user_ann';
export const PRODUCT = 'product_pen';
export const CONFIRMED = 'order_confirmed000000000000c';
export const CANCELLED = 'order_cancelled000000000000c';

let entries = 0;
export function said(topic: string, source: string, fields: Partial<Said> = {}): Said {
  const at = ++entries;
  const { data = {} } = fields;
  const id = deterministicId(topic, source, JSON.stringify(data));
  return {
    ...{ entry: `${1_000 + at}-0`, topic, source, id, subject: '', tenant: 'default' },
    ...{ sequence: 0, correlationId: '', data },
    ...fields,
  };
}

/** A change of the stock. */
export function stocked(sequence: number, from: number, to: number, why: object): Said {
  const data = { productId: PRODUCT, previousStock: from, newStock: to, ...why };
  const subject = `shop_1:${PRODUCT}`;
  return said('product.stock.updated', 'inventory', { subject, sequence, data });
}

function ofOrder(orderId: string, topic: string, source: string, sequence = 0, more = {}): Said {
  const data = { orderId, userId: USER, ...more };
  return said(topic, source, { subject: orderId, sequence, correlationId: orderId, data });
}

export function asked(fields: Partial<Asked> & Pick<Asked, 'what' | 'path'>): Asked {
  const { key = 'key', n = 0 } = fields;
  return { n, who: USER, key, body: {}, sentAt: 1_000, endedAt: 1_010, status: 200, ...fields };
}

function anOrder(orderId: string, status: string, types: readonly string[]): OrderBook {
  const events = types.map((type) => ({ type, at: '' }));
  return {
    ...{ orderId, userId: USER, status, total: 1_999, listed: 1, story: { events } },
    items: [{ productId: PRODUCT, quantity: 1 }],
  };
}

/** Books in which nothing is wrong. */
export function goodBooks(): Books {
  const events = [
    stocked(1, 0, 10, { reason: 'opening' }),
    ofOrder(CONFIRMED, 'order.created', 'order', 1),
    stocked(2, 10, 9, { reason: 'reserved', orderId: CONFIRMED }),
    ofOrder(CONFIRMED, 'inventory.reserved', 'inventory'),
    ofOrder(CONFIRMED, 'payment.processed', 'payment', 1),
    ofOrder(CONFIRMED, 'delivery.scheduled', 'delivery', 1),
    ofOrder(CONFIRMED, 'order.confirmed', 'order', 2),
    ofOrder(CONFIRMED, 'order.status.updated', 'order', 2, { status: 'confirmed' }),
    ofOrder(CANCELLED, 'order.created', 'order', 1),
    stocked(4, 9, 8, { reason: 'reserved', orderId: CANCELLED }),
    ofOrder(CANCELLED, 'inventory.reserved', 'inventory'),
    ofOrder(CANCELLED, 'payment.failed', 'payment', 1),
    stocked(5, 8, 9, { reason: 'released', orderId: CANCELLED }),
    ofOrder(CANCELLED, 'inventory.released', 'inventory'),
    ofOrder(CANCELLED, 'order.cancelled', 'order', 3),
    ofOrder(CANCELLED, 'order.status.updated', 'order', 3, { status: 'cancelled' }),
  ];
  const told = (channel: string, topics: RegExp) =>
    events
      .filter(({ topic }) => topics.test(topic))
      .map(({ source, id }) => `ntf_${deterministicId('default', source, id, channel)}`);
  return {
    asked: [
      asked({
        ...{ n: 0, what: 'adjust', key: 'opening', who: 'admin', body: { change: 10 } },
        path: `/inventory/shop_1/${PRODUCT}/adjustments`,
      }),
      asked({
        ...{ n: 1, what: 'order', path: '/orders', key: 'first', status: 201 },
        told: { orderId: CONFIRMED, status: 'confirmed' },
      }),
      asked({
        ...{ n: 2, what: 'order', path: '/orders', key: 'second', status: 422 },
        told: { orderId: CANCELLED, reason: 'payment_failed' },
      }),
    ],
    orders: [
      {
        ...anOrder(CONFIRMED, 'confirmed', ['order.created', 'payment.processed']),
        payment: { status: 'captured', refunds: [] },
      },
      { ...anOrder(CANCELLED, 'cancelled', ['order.created']), reason: 'payment_failed' },
    ],
    stranded: [],
    stocks: [{ productId: PRODUCT, available: 9, reserved: 0, shown: 'in_stock' }],
    captures: [
      { key: `pay_${CONFIRMED}`, captured: 1_999, refunds: [] },
      { key: `pay_${CANCELLED}`, captured: 0, refunds: [] },
    ],
    events,
    groups: [{ topic: 'order.created', name: 'notification', pending: 0, lag: 0 }],
    letters: [],
    inboxes: [
      {
        userId: USER,
        ids: told('inbox', /^(order\.(created|confirmed|cancelled)|payment\.|delivery\.scheduled)/),
      },
    ],
    emails: told('email', /^order\.(confirmed|cancelled)$/),
  };
}
