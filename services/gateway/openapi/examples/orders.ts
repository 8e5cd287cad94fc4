import type { RouteExamples } from './types';
import {
  CREATED_AND_UPDATED,
  FIRST_PAGE,
  TIME,
  notificationId,
  orderId,
  pageOf,
  productId,
  shopId,
  userId,
} from './values';

const order = {
  orderId,
  status: 'confirmed',
  items: [{ productId, quantity: 2, unitPrice: { amount: '19.99', currency: 'EUR' } }],
  totalAmount: { amount: '39.98', currency: 'EUR' },
  shopId,
  userId,
  ...CREATED_AND_UPDATED,
  paymentId: 'payment_Zt2a',
  deliveryId: 'delivery_p8Wq',
  channel: 'online',
  returns: [],
};
const pickup = {
  ...order,
  channel: 'pickup',
  pickup: { status: 'ready', readyAt: TIME, expiresAt: '2026-01-04T10:00:00.500Z' },
};
const returnId = 'return_u6Tz';
const requested = {
  ...{ returnId, orderId, shopId, status: 'requested', reason: 'damaged' },
  items: [{ productId, quantity: 1 }],
  ...CREATED_AND_UPDATED,
};
const completed = {
  ...requested,
  status: 'completed',
  items: [{ productId, quantity: 1, accepted: 1, restocked: 0 }],
  refunded: { amount: '19.99', currency: 'EUR' },
};
const address = {
  name: 'Ada',
  line1: 'Street 1',
  line2: 'Second floor',
  postalCode: '10115',
  city: 'Berlin',
  country: 'DE',
};
const delivery = {
  deliveryId: 'delivery_p8Wq',
  orderId,
  userId,
  shopId,
  status: 'scheduled',
  estimatedAt: '2026-01-03T10:00:00Z',
  ...CREATED_AND_UPDATED,
};

/** For routes/orders.ts. */
export const orderExamples: RouteExamples = {
  'POST /orders': {
    summary: 'Places an order and returns its outcome: confirmed, pending or cancelled',
    optional: ['deliveryAddress', 'deliveryAddress.line2', 'channel', 'quoteId'],
    body: {
      shopId,
      items: [{ productId, quantity: 2 }],
      payment: { method: 'card', token: 'tok_ok' },
      deliveryAddress: address,
      channel: 'online',
      quoteId: 'quote_h3Vs',
    },
    data: order,
  },
  'GET /orders': {
    summary: 'Lists your orders, newest first',
    query: FIRST_PAGE,
    data: pageOf(order),
  },
  'GET /orders/:orderId': { summary: 'Returns an order', params: { orderId }, data: order },
  'GET /orders/:orderId/story': {
    summary: 'Returns the steps of an order and the events published about it',
    params: { orderId },
    data: {
      orderId,
      steps: [
        { step: 'place', outcome: 'done', at: TIME, ms: 16 },
        { step: 'reserve', outcome: 'done', at: TIME, ms: 50 },
      ],
      events: [{ type: 'order.created', at: TIME }],
    },
  },
  'GET /orders/:orderId/events': {
    summary: 'Streams an order as server-sent events: its current state, then each status change',
    params: { orderId },
    data: order,
  },
  'POST /orders/:orderId/cancel': {
    summary:
      'Cancels an order that was not handed over; a confirmed order is refunded and its delivery is cancelled',
    optional: ['reason'],
    params: { orderId },
    body: { reason: 'changed_my_mind' },
    data: { ...order, status: 'cancelled', reason: 'changed_my_mind' },
  },

  'POST /orders/:orderId/pickup': {
    summary: 'Marks an order for pickup as ready, or as collected',
    params: { orderId },
    body: { status: 'ready' },
    data: pickup,
  },
  'GET /shops/:shopId/pickups': {
    summary: 'Lists the orders for pickup that wait in a shop, newest first',
    params: { shopId },
    query: FIRST_PAGE,
    data: pageOf(pickup),
  },
  'POST /orders/:orderId/returns': {
    summary: 'Requests to return items; without items, everything that was not returned',
    optional: ['items', 'reason'],
    params: { orderId },
    body: { items: [{ productId, quantity: 1 }], reason: 'damaged' },
    data: requested,
  },
  'GET /orders/:orderId/returns/:returnId': {
    summary: 'Returns the state of a return',
    params: { orderId, returnId },
    data: completed,
  },
  'POST /orders/:orderId/returns/:returnId/receipt': {
    summary: 'Records that the items of a return have arrived',
    params: { orderId, returnId },
    data: { ...requested, status: 'received' },
  },
  'POST /orders/:orderId/returns/:returnId/decision': {
    summary: 'Refunds the accepted pieces of a return, and puts pieces back into the stock',
    optional: ['items', 'items.accepted', 'items.restocked'],
    params: { orderId, returnId },
    body: { items: [{ productId, accepted: 1, restocked: 0 }] },
    data: completed,
  },
  'GET /shops/:shopId/returns': {
    summary: 'Lists the returns of a shop that are not complete, newest first',
    params: { shopId },
    query: FIRST_PAGE,
    data: pageOf(requested),
  },

  'POST /delivery-quotes': {
    summary: 'Quotes the delivery to an address: whether it can be reached, the price and the date',
    optional: ['address.line2', 'currency'],
    body: { shopId, address, currency: 'EUR' },
    data: {
      quoteId: 'quote_h3Vs',
      shopId,
      destination: { postalCode: '10115', city: 'Berlin', country: 'DE' },
      reachable: true,
      price: { amount: '4.90', currency: 'EUR' },
      estimatedAt: '2026-01-05T18:00:00Z',
      validUntil: '2026-01-01T10:30:00.500Z',
    },
  },
  'GET /deliveries/:orderId': {
    summary: 'Returns the delivery of an order',
    params: { orderId },
    data: delivery,
  },
  'POST /deliveries/:orderId/status': {
    summary: 'Advances the status of a delivery; it never goes back',
    params: { orderId },
    body: { status: 'in_transit' },
    data: { ...delivery, status: 'in_transit' },
  },
  'GET /notifications': {
    summary: 'Lists the notifications sent to you, newest first',
    query: FIRST_PAGE,
    data: pageOf({
      notificationId,
      channel: 'email',
      subject: 'Your order is confirmed',
      text: `Order ${orderId} is confirmed.`,
      eventType: 'order.confirmed',
      sentAt: TIME,
      read: false,
    }),
  },
  'GET /notifications/unread': {
    summary: 'Returns how many of your notifications are unread',
    data: { unread: 1 },
  },
  'POST /notifications/read': {
    summary: 'Marks all your notifications as read',
    body: {},
    data: { unread: 0 },
  },
  'POST /notifications/:notificationId/read': {
    summary: 'Marks one of your notifications as read',
    params: { notificationId },
    body: {},
    data: { unread: 0 },
  },
};
