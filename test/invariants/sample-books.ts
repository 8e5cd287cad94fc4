import { deterministicId } from '#kit/core/deterministic-id';
import type { Books, Channel, ClientRequest, OrderBook, PublishedEvent } from './books';

// Books of a small system for the tests of the invariants: one order that was confirmed and one that
// was cancelled, with everything that was published and stored for them. Each test corrupts one entry.

export const USER = 'user_ann';
export const PRODUCT = 'product_pen';
export const CONFIRMED = 'order_confirmed000000000000c';
export const CANCELLED = 'order_cancelled000000000000c';
const STOCK = `shop_1:${PRODUCT}`;
const TOTAL = 1_999;

let entries = 0;
export function published(
  topic: string,
  source: string,
  fields: Partial<PublishedEvent> = {},
): PublishedEvent {
  const entry = `${1_000 + ++entries}-0`;
  const { data = {} } = fields;
  return {
    entry,
    topic,
    source,
    id: deterministicId(topic, source, JSON.stringify(data)),
    subject: '',
    tenant: 'default',
    sequence: 0,
    correlationId: '',
    data,
    ...fields,
  };
}

/** A change of the stock. */
export function stockUpdated(
  sequence: number,
  from: number,
  to: number,
  cause: object,
): PublishedEvent {
  const data = { productId: PRODUCT, previousStock: from, newStock: to, ...cause };
  return published('product.stock.updated', 'inventory', { subject: STOCK, sequence, data });
}

/** An event or a command about an order. */
export function ofOrder(
  orderId: string,
  topic: string,
  source: string,
  sequence = 0,
  more: object = {},
): PublishedEvent {
  const data = { orderId, userId: USER, ...more };
  return published(topic, source, { subject: orderId, sequence, correlationId: orderId, data });
}

export function request(
  fields: Partial<ClientRequest> & Pick<ClientRequest, 'kind'>,
): ClientRequest {
  return {
    name: 'request 0',
    client: USER,
    key: 'key',
    body: '{}',
    sentAt: 1_000,
    endedAt: 1_010,
    answer: { outcome: 'accepted', text: '200' },
    ...fields,
  };
}

function order(
  orderId: string,
  status: OrderBook['status'],
  more: Partial<OrderBook> = {},
): OrderBook {
  return {
    orderId,
    userId: USER,
    status,
    total: TOTAL,
    items: [{ productId: PRODUCT, quantity: 1 }],
    listed: 1,
    logged: ['order.created'],
    expires: false,
    ...more,
  };
}

const notificationId = (id: string, source: string, channel: Channel) =>
  `ntf_${deterministicId('default', source, id, channel)}`;

/** The announcement of a notification that was sent for an event. */
function notified({ id, source, topic }: PublishedEvent, channel: Channel): PublishedEvent {
  const data = { notificationId: notificationId(id, source, channel), eventType: topic, channel };
  return published('notification.sent', 'notification', { subject: data.notificationId, data });
}

const IN_INBOX = /^(order\.(created|confirmed|cancelled)|payment\.|delivery\.scheduled)/;
const BY_EMAIL = /^order\.(confirmed|cancelled)$/;

/** Books in which every invariant holds. */
export function goodBooks(): Books {
  const events = [
    stockUpdated(1, 0, 10, { reason: 'opening' }),
    ofOrder(CONFIRMED, 'order.place', 'order'),
    ofOrder(CONFIRMED, 'order.created', 'order', 1),
    stockUpdated(2, 10, 9, { reason: 'reserved', orderId: CONFIRMED }),
    ofOrder(CONFIRMED, 'inventory.reserved', 'inventory'),
    ofOrder(CONFIRMED, 'payment.processed', 'payment', 1),
    ofOrder(CONFIRMED, 'delivery.scheduled', 'delivery', 1),
    ofOrder(CONFIRMED, 'order.confirmed', 'order', 2),
    ofOrder(CONFIRMED, 'order.status.updated', 'order', 2, { status: 'confirmed' }),
    ofOrder(CANCELLED, 'order.place', 'order'),
    ofOrder(CANCELLED, 'order.created', 'order', 1),
    stockUpdated(4, 9, 8, { reason: 'reserved', orderId: CANCELLED }),
    ofOrder(CANCELLED, 'inventory.reserved', 'inventory'),
    ofOrder(CANCELLED, 'payment.failed', 'payment', 1),
    stockUpdated(5, 8, 9, { reason: 'released', orderId: CANCELLED }),
    ofOrder(CANCELLED, 'inventory.released', 'inventory'),
    ofOrder(CANCELLED, 'order.cancelled', 'order', 3),
    ofOrder(CANCELLED, 'order.status.updated', 'order', 3, { status: 'cancelled' }),
  ];
  const inInbox = events.filter(({ topic }) => IN_INBOX.test(topic));
  const byEmail = events.filter(({ topic }) => BY_EMAIL.test(topic));
  return {
    requests: [
      request({
        name: 'request 1',
        kind: 'place',
        key: 'first',
        answer: {
          outcome: 'accepted',
          text: '201',
          orderId: CONFIRMED,
          status: 'confirmed',
        },
      }),
      request({
        name: 'request 2',
        kind: 'place',
        key: 'second',
        answer: {
          outcome: 'accepted',
          text: '422',
          orderId: CANCELLED,
          status: 'cancelled',
          reason: 'payment_failed',
        },
      }),
    ],
    orders: [
      order(CONFIRMED, 'confirmed', {
        logged: ['order.created', 'payment.processed'],
        payment: { status: 'captured', amount: TOTAL, refunds: [] },
        delivery: 'scheduled',
      }),
      order(CANCELLED, 'cancelled', {
        reason: 'payment_failed',
        payment: { status: 'declined', amount: TOTAL, refunds: [] },
      }),
    ],
    stranded: [],
    stocks: [
      {
        productId: PRODUCT,
        subject: STOCK,
        available: 9,
        reserved: 0,
        minimumStock: 0,
        opening: 0,
        shown: 'in_stock',
      },
    ],
    adjustments: [{ productId: PRODUCT, change: 10 }],
    inboxOverflows: false,
    captures: [
      { key: `pay_${CONFIRMED}`, captured: TOTAL, refunds: [] },
      { key: `pay_${CANCELLED}`, captured: 0, refunds: [] },
    ],
    events: [
      ...events,
      ...inInbox.map((event) => notified(event, 'inbox')),
      ...byEmail.map((event) => notified(event, 'email')),
    ],
    consumers: [{ topic: 'order.created', name: 'notification', pending: 0, lag: 0 }],
    deadLettersBefore: [],
    deadLetters: [],
    notifications: {
      channels: ['inbox', 'email'],
      inboxes: [
        {
          userId: USER,
          entries: inInbox.map(({ id, source, topic }) => ({
            id: notificationId(id, source, 'inbox'),
            type: topic,
          })),
        },
      ],
      sent: byEmail.map(({ id, source }) => ({
        channel: 'email',
        id: notificationId(id, source, 'email'),
      })),
    },
  };
}
