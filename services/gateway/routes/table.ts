import { DeliveryService } from '#proto/retail/delivery/v1/delivery_pb';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { NotificationService } from '#proto/retail/notification/v1/notification_pb';
import { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { PaymentService } from '#proto/retail/payment/v1/payment_pb';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { HealthReport, ShortHealth } from '../backends/health-monitor';
import {
  GatewayStatus,
  ServiceNames,
  getDetailedHealth,
  getGatewayStatus,
  getHealth,
  getServices,
} from '../edge-state';
import { deviceRoutes } from './devices';
import { vendingRoutes } from './vending';
import { type ByStatus, type Route, type Who, call, events, own } from './types';

const admins = ['admin'] as const satisfies Who;
const sellers = ['seller', 'admin'] as const satisfies Who;
const signedIn = ['customer', 'seller', 'admin'] as const satisfies Who;

const user = UserService.method;
const product = ProductService.method;
const inventory = InventoryService.method;
const order = OrderService.method;
const payment = PaymentService.method;
const delivery = DeliveryService.method;
const notification = NotificationService.method;
const operations = OperationsService.method;

const placed: ByStatus = {
  codes: { confirmed: 201, pending: 202, cancelling: 202, cancelled: 422 },
  refusal: { error: 'the order was cancelled', details: ['orderId', 'reason'] },
};
/** Until it is known how it ends, an order that is to be cancelled is in any other state. */
const cancelled: ByStatus = {
  codes: { cancelled: 200, cancelling: 202, pending: 202, confirmed: 202 },
};

/** The edge's API: every route, each a row. */
export const routes: readonly Route[] = [
  call('POST', '/auth/register', 'user', user.register, {
    who: 'anonymous',
    status: 201,
    body: ['email', 'password', 'name'],
    idempotent: true,
    limit: 'login',
  }),
  call('POST', '/auth/login', 'user', user.login, {
    who: 'anonymous',
    body: ['email', 'password'],
    limit: 'login',
  }),
  call('POST', '/auth/refresh', 'user', user.refresh, {
    who: 'anonymous',
    body: ['refreshToken'],
    idempotent: true,
    limit: 'login',
  }),
  call('POST', '/auth/logout', 'user', user.logout, {
    who: 'anonymous',
    body: ['refreshToken'],
    signsOut: true,
    limit: 'login',
  }),
  call('POST', '/api-keys', 'user', user.createApiKey, {
    who: admins,
    status: 201,
    body: ['name', 'role', 'scopes'],
    idempotent: true,
  }),
  call('GET', '/api-keys', 'user', user.listApiKeys, { who: admins, query: ['page', 'limit'] }),
  call('DELETE', '/api-keys/:keyId', 'user', user.revokeApiKey, { who: admins }),
  call('GET', '/users/profile', 'user', user.getProfile, { who: signedIn }),
  call('PATCH', '/users/profile', 'user', user.updateProfile, {
    who: signedIn,
    body: ['name', 'phone'],
    idempotent: true,
  }),

  call('GET', '/products', 'product', product.listProducts, {
    who: 'anyone',
    query: ['page', 'limit', 'category'],
    lastGood: true,
  }),
  call('GET', '/products/:productId', 'product', product.getProduct, {
    who: 'anyone',
    lastGood: true,
  }),
  call('POST', '/products', 'product', product.createProduct, {
    who: sellers,
    status: 201,
    body: ['name', 'description', 'category', 'price'],
    idempotent: true,
  }),
  call('PATCH', '/products/:productId', 'product', product.updateProduct, {
    who: sellers,
    body: ['name', 'description', 'category', 'price'],
    idempotent: true,
  }),

  call('GET', '/inventory/:shopId/:productId', 'inventory', inventory.getStock, { who: signedIn }),
  call('POST', '/inventory/:shopId/:productId/adjustments', 'inventory', inventory.adjustStock, {
    who: sellers,
    body: ['change', 'reason', 'minimumStock'],
    idempotent: true,
  }),

  call('POST', '/orders', 'order', order.placeOrder, {
    who: signedIn,
    status: placed,
    body: ['shopId', 'items', 'payment', 'deliveryAddress'],
    idempotent: true,
    async: true,
  }),
  call('GET', '/orders', 'order', order.listOrders, { who: signedIn, query: ['page', 'limit'] }),
  call('GET', '/orders/:orderId', 'order', order.getOrder, { who: signedIn }),
  call('GET', '/orders/:orderId/story', 'order', order.getStory, { who: signedIn }),
  events('/orders/:orderId/events', 'order', order.watchOrder, signedIn, 'order'),
  call('POST', '/orders/:orderId/cancel', 'order', order.cancelOrder, {
    who: signedIn,
    status: cancelled,
    body: ['reason'],
    idempotent: true,
    async: true,
  }),

  call('GET', '/payments/:paymentId', 'payment', payment.getPayment, {
    who: signedIn,
    limit: 'payment',
  }),
  call('POST', '/payments/:paymentId/refunds', 'payment', payment.refund, {
    who: admins,
    status: 201,
    body: ['amount', 'reason'],
    idempotent: true,
    limit: 'payment',
  }),
  call('GET', '/deliveries/:orderId', 'delivery', delivery.getDelivery, { who: signedIn }),
  call('POST', '/deliveries/:orderId/status', 'delivery', delivery.updateStatus, {
    who: sellers,
    body: ['status'],
    idempotent: true,
  }),
  call('GET', '/notifications', 'notification', notification.listNotifications, {
    who: signedIn,
    query: ['page', 'limit'],
  }),

  ...deviceRoutes,
  ...vendingRoutes,

  call('GET', '/admin/dead-letters/:service', ':service', operations.listDeadLetters, {
    who: admins,
    query: ['page', 'limit'],
  }),
  call('GET', '/admin/dead-letters/:service/:id', ':service', operations.getDeadLetter, {
    who: admins,
  }),
  call('DELETE', '/admin/dead-letters/:service/:id', ':service', operations.discardDeadLetter, {
    who: admins,
  }),
  call('POST', '/admin/dead-letters/:service/:id/replay', ':service', operations.replayDeadLetter, {
    who: admins,
    idempotent: true,
  }),

  own('/health', getHealth, ShortHealth),
  own('/health/detailed', getDetailedHealth, HealthReport),
  own('/gateway/status', getGatewayStatus, GatewayStatus),
  own('/gateway/services', getServices, ServiceNames),
];
