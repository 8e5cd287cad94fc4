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
    optional: ['deliveryAddress.line2'],
    body: {
      shopId,
      items: [{ productId, quantity: 2 }],
      payment: { method: 'card', token: 'tok_ok' },
      deliveryAddress: {
        name: 'Ada',
        line1: 'Street 1',
        line2: 'Second floor',
        postalCode: '10115',
        city: 'Berlin',
        country: 'DE',
      },
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
    summary: 'Cancels an order; a confirmed order is refunded and its delivery is cancelled',
    optional: ['reason'],
    params: { orderId },
    body: { reason: 'changed_my_mind' },
    data: { ...order, status: 'cancelled', reason: 'changed_my_mind' },
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
