import { DeliveryService } from '#proto/retail/delivery/v1/delivery_pb';
import { NotificationService } from '#proto/retail/notification/v1/notification_pb';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { SELLERS, SIGNED_IN } from '../auth/access';
import { type Route, type StatusMapping, call, events } from './types';

const order = OrderService.method;
const delivery = DeliveryService.method;
const notification = NotificationService.method;

const placed: StatusMapping = {
  codes: { confirmed: 201, pending: 202, cancelling: 202, cancelled: 422 },
  refusal: { error: 'the order was cancelled', details: ['orderId', 'reason'] },
};
/** An order that is being cancelled is in any other state until its cancellation is complete. */
const cancelled: StatusMapping = {
  codes: { cancelled: 200, cancelling: 202, pending: 202, confirmed: 202 },
};

/** Orders with their pickups and returns, deliveries, and the notifications about them. */
export const orderRoutes: readonly Route[] = [
  call('POST', '/orders', 'order', order.placeOrder, {
    access: SIGNED_IN,
    owner: 'caller',
    status: placed,
    body: ['shopId', 'items', 'payment', 'deliveryAddress', 'channel', 'quoteId'],
    idempotent: true,
    async: true,
  }),
  call('GET', '/orders', 'order', order.listOrders, {
    access: SIGNED_IN,
    owner: 'caller',
    query: ['page', 'limit'],
  }),
  call('GET', '/orders/:orderId', 'order', order.getOrder, { access: SIGNED_IN, owner: 'buyer' }),
  call('GET', '/orders/:orderId/story', 'order', order.getStory, {
    access: SIGNED_IN,
    owner: 'buyer',
  }),
  events('/orders/:orderId/events', 'order', order.watchOrder, SIGNED_IN, 'buyer', 'order'),
  call('POST', '/orders/:orderId/cancel', 'order', order.cancelOrder, {
    access: SIGNED_IN,
    owner: 'buyer',
    status: cancelled,
    body: ['reason'],
    idempotent: true,
    async: true,
  }),

  call('POST', '/orders/:orderId/pickup', 'order', order.updatePickup, {
    access: SELLERS,
    owner: 'shop',
    body: ['status'],
    idempotent: true,
    resource: order.getOrder,
  }),
  call('GET', '/shops/:shopId/pickups', 'order', order.listPickups, {
    access: SELLERS,
    owner: 'shop',
    query: ['page', 'limit'],
  }),

  call('POST', '/orders/:orderId/returns', 'order', order.requestReturn, {
    access: SIGNED_IN,
    owner: 'buyer',
    status: 201,
    body: ['items', 'reason'],
    idempotent: true,
  }),
  call('GET', '/orders/:orderId/returns/:returnId', 'order', order.getReturn, {
    access: SIGNED_IN,
    owner: ['buyer', 'shop'],
  }),
  call('POST', '/orders/:orderId/returns/:returnId/receipt', 'order', order.receiveReturn, {
    access: SELLERS,
    owner: 'shop',
    idempotent: true,
    resource: order.getReturn,
  }),
  call('POST', '/orders/:orderId/returns/:returnId/decision', 'order', order.decideReturn, {
    access: SELLERS,
    owner: 'shop',
    body: ['items'],
    idempotent: true,
    resource: order.getReturn,
  }),
  call('GET', '/shops/:shopId/returns', 'order', order.listReturns, {
    access: SELLERS,
    owner: 'shop',
    query: ['page', 'limit'],
  }),

  call('POST', '/delivery-quotes', 'delivery', delivery.createQuote, {
    access: 'optional',
    owner: 'caller',
    status: 201,
    body: ['shopId', 'address', 'currency'],
  }),
  call('GET', '/deliveries/:orderId', 'delivery', delivery.getDelivery, {
    access: SIGNED_IN,
    owner: 'buyer',
  }),
  call('POST', '/deliveries/:orderId/status', 'delivery', delivery.updateStatus, {
    access: SELLERS,
    owner: 'shop',
    body: ['status'],
    idempotent: true,
    resource: delivery.getDelivery,
  }),
  call('GET', '/notifications', 'notification', notification.listNotifications, {
    access: SIGNED_IN,
    owner: 'caller',
    query: ['page', 'limit'],
  }),
  call('GET', '/notifications/unread', 'notification', notification.countUnread, {
    access: SIGNED_IN,
    owner: 'caller',
  }),
  call('POST', '/notifications/read', 'notification', notification.markAllRead, {
    access: SIGNED_IN,
    owner: 'caller',
    idempotent: true,
  }),
  call('POST', '/notifications/:notificationId/read', 'notification', notification.markRead, {
    access: SIGNED_IN,
    owner: 'recipient',
    idempotent: true,
  }),
];
