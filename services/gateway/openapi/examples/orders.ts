import type { Documented } from './examples';

const at = '2026-01-01T10:00:00.500Z';
const times = { createdAt: at, updatedAt: at };
const orderId = 'order_7Qd1';
const productId = 'product_Kx3v';
const userId = 'user_9fLb';
const shopId = 'shop_1';
const price = { amount: '19.99', currency: 'EUR' };
const total = { amount: '39.98', currency: 'EUR' };

const order = {
  orderId,
  status: 'confirmed',
  items: [{ productId, quantity: 2, unitPrice: price }],
  totalAmount: total,
  shopId,
  userId,
  ...times,
  paymentId: 'payment_Zt2a',
  deliveryId: 'delivery_p8Wq',
};
const payment = {
  paymentId: 'payment_Zt2a',
  orderId,
  userId,
  amount: total,
  refunded: { amount: '0.00', currency: 'EUR' },
  status: 'captured',
  method: 'card',
  gateway: 'simulator',
  refunds: [],
  ...times,
};
const refund = { refundId: 'refund_Hb4c', amount: price, status: 'done', at };
const delivery = {
  deliveryId: 'delivery_p8Wq',
  orderId,
  userId,
  shopId,
  status: 'scheduled',
  estimatedAt: '2026-01-03T10:00:00Z',
  ...times,
};

const firstPage = { page: 1, limit: 20 };
const pageOf = (item: object) => ({ items: [item], ...firstPage, total: 1 });

/** Of the rows on orders and what follows from them, by method and path. */
export const documentedOrders: Readonly<Record<string, Documented>> = {
  'POST /orders': {
    summary: 'Places an order; the answer is what became of it: confirmed, pending or cancelled',
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
  'GET /orders': { summary: 'Your orders, newest first', query: firstPage, data: pageOf(order) },
  'GET /orders/:orderId': { summary: 'An order', params: { orderId }, data: order },
  'GET /orders/:orderId/story': {
    summary: 'The steps that an order went through, and the events said about it',
    params: { orderId },
    data: {
      orderId,
      steps: [
        { step: 'place', outcome: 'done', at, ms: 16 },
        { step: 'reserve', outcome: 'done', at, ms: 50 },
      ],
      events: [{ type: 'order.created', at }],
    },
  },
  'GET /orders/:orderId/events': {
    summary: 'An order as it is, and again whenever its status changes, as server-sent events',
    params: { orderId },
    data: order,
  },
  'POST /orders/:orderId/cancel': {
    summary: 'Cancels an order; one that is confirmed is paid back and taken back',
    optional: ['reason'],
    params: { orderId },
    body: { reason: 'changed_my_mind' },
    data: { ...order, status: 'cancelled', reason: 'changed_my_mind' },
  },

  'GET /payments/:paymentId': {
    summary: 'A payment, with its refunds',
    params: { paymentId: payment.paymentId },
    data: payment,
  },
  'POST /payments/:paymentId/refunds': {
    summary: 'Gives back a part of a payment, or all that is left of it',
    optional: ['amount', 'reason'],
    params: { paymentId: payment.paymentId },
    body: { amount: price, reason: 'goodwill' },
    data: { ...payment, refunded: price, refunds: [refund] },
  },
  'GET /deliveries/:orderId': {
    summary: 'The delivery of an order',
    params: { orderId },
    data: delivery,
  },
  'POST /deliveries/:orderId/status': {
    summary: 'Moves a delivery a step on; never backwards',
    params: { orderId },
    body: { status: 'in_transit' },
    data: { ...delivery, status: 'in_transit' },
  },
  'GET /notifications': {
    summary: 'What you were told, newest first',
    query: firstPage,
    data: pageOf({
      notificationId: 'notification_c5Rk',
      channel: 'email',
      subject: 'Your order is confirmed',
      text: `Order ${orderId} is confirmed.`,
      eventType: 'order.confirmed',
      sentAt: at,
      read: false,
    }),
  },
};
