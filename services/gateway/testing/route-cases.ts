import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { deviceCases } from './route-cases-devices';
import { vendingCases } from './route-cases-vending';

/** A request that a route takes in full, and how it is answered. */
export interface Case {
  /** Below /api/v1, with the query. */
  path: string;
  body?: Record<string, unknown>;
  /** The request message that arrives at the service. */
  sends: object;
  /** The message that the service answers. */
  answers: object;
  /** Of the data that the client gets. */
  data: object;
}

const at = timestampFromDate(new Date('2026-01-01T10:00:00.500Z'));
const time = '2026-01-01T10:00:00.500Z';
const price = { amount: '19.99', currency: 'EUR' };
const address = {
  name: 'A Buyer',
  line1: 'Main Street 1',
  line2: 'Back door',
  postalCode: '12345',
  city: 'Berlin',
  country: 'DE',
};
const product = { name: 'Cup', description: 'For tea', category: 'tea', price };
const order = {
  shopId: 'shop_1',
  items: [{ productId: 'product_1', quantity: 2 }],
  payment: { method: 'card', token: 'tok_ok' },
  deliveryAddress: address,
};
const letter = { id: 'event_1', type: 'order.created', attempts: 6 };
const apiKey = { name: 'ERP', role: 'seller', scopes: ['orders:read'] };
const letters = '/admin/dead-letters/order';

/** For every row of the table one, by its method and path. */
export const cases: Readonly<Record<string, Case>> = {
  'POST /auth/register': {
    path: '/auth/register',
    body: { email: 'a@example.com', password: 'correct horse', name: 'A' },
    sends: { email: 'a@example.com', password: 'correct horse', name: 'A' },
    answers: { userId: 'user_1', email: 'a@example.com', role: 'customer' },
    data: { userId: 'user_1', email: 'a@example.com', role: 'customer' },
  },
  'POST /auth/login': {
    path: '/auth/login',
    body: { email: 'a@example.com', password: 'correct horse' },
    sends: { email: 'a@example.com', password: 'correct horse' },
    answers: { token: 'a.b.c', expiresAt: at, user: { userId: 'user_1', role: 'customer' } },
    data: { token: 'a.b.c', expiresAt: time, user: { userId: 'user_1', email: '' } },
  },
  'POST /auth/refresh': {
    path: '/auth/refresh',
    body: { refreshToken: 'user_1.session_1.x' },
    sends: { refreshToken: 'user_1.session_1.x' },
    answers: { token: 'a.b.c', expiresAt: at, refreshToken: 'user_1.session_1.y' },
    data: { token: 'a.b.c', expiresAt: time, refreshToken: 'user_1.session_1.y' },
  },
  'POST /auth/logout': {
    path: '/auth/logout',
    body: { refreshToken: 'user_1.session_1.x' },
    sends: { refreshToken: 'user_1.session_1.x' },
    answers: {},
    data: {},
  },
  'POST /api-keys': {
    path: '/api-keys',
    body: apiKey,
    sends: apiKey,
    answers: { keyId: 'key_1', ...apiKey, createdAt: at, key: 'key_1.x' },
    data: { keyId: 'key_1', ...apiKey, createdAt: time, key: 'key_1.x' },
  },
  'GET /api-keys': {
    path: '/api-keys?page=1&limit=5',
    sends: { page: 1, limit: 5 },
    answers: { items: [{ keyId: 'key_1', ...apiKey, createdAt: at }], page: 1, limit: 5, total: 1 },
    data: { items: [{ keyId: 'key_1', ...apiKey, createdAt: time }], total: 1 },
  },
  'DELETE /api-keys/:keyId': {
    path: '/api-keys/key_1',
    sends: { keyId: 'key_1' },
    answers: {},
    data: {},
  },
  'GET /users/profile': {
    path: '/users/profile',
    sends: {},
    answers: { userId: 'user_1', name: 'A', createdAt: at },
    data: { userId: 'user_1', name: 'A', createdAt: time },
  },
  'PATCH /users/profile': {
    path: '/users/profile',
    body: { name: 'B', phone: '+49 30 1' },
    sends: { name: 'B', phone: '+49 30 1' },
    answers: { userId: 'user_1', name: 'B', phone: '+49 30 1' },
    data: { userId: 'user_1', name: 'B', phone: '+49 30 1' },
  },
  'GET /products': {
    path: '/products?page=2&limit=10&category=tea',
    sends: { page: 2, limit: 10, category: 'tea' },
    answers: { items: [{ productId: 'product_1', price }], page: 2, limit: 10, total: 11 },
    data: { items: [{ productId: 'product_1', price }], page: 2, limit: 10, total: 11 },
  },
  'GET /products/:productId': {
    path: '/products/product_1',
    sends: { productId: 'product_1' },
    answers: { productId: 'product_1', ...product, availability: 'in_stock' },
    data: { productId: 'product_1', ...product, availability: 'in_stock' },
  },
  'POST /products': {
    path: '/products',
    body: product,
    sends: product,
    answers: { productId: 'product_1', ...product },
    data: { productId: 'product_1', ...product },
  },
  'PATCH /products/:productId': {
    path: '/products/product_1',
    body: product,
    sends: { productId: 'product_1', ...product },
    answers: { productId: 'product_1', ...product },
    data: { productId: 'product_1', ...product },
  },
  'GET /inventory/:shopId/:productId': {
    path: '/inventory/shop_1/product_1',
    sends: { shopId: 'shop_1', productId: 'product_1' },
    answers: { shopId: 'shop_1', productId: 'product_1', available: 3 },
    // nothing reserved is 0, not absent
    data: { shopId: 'shop_1', productId: 'product_1', available: 3, reserved: 0, minimumStock: 0 },
  },
  'POST /inventory/:shopId/:productId/adjustments': {
    path: '/inventory/shop_1/product_1/adjustments',
    body: { change: -5, reason: 'broken', minimumStock: 2 },
    sends: {
      shopId: 'shop_1',
      productId: 'product_1',
      change: -5,
      reason: 'broken',
      minimumStock: 2,
    },
    answers: { shopId: 'shop_1', productId: 'product_1', available: 3, minimumStock: 2 },
    data: { available: 3, minimumStock: 2 },
  },
  'POST /orders': {
    path: '/orders',
    body: order,
    sends: order,
    answers: { orderId: 'order_1', status: 'confirmed', totalAmount: price, createdAt: at },
    data: { orderId: 'order_1', status: 'confirmed', totalAmount: price, createdAt: time },
  },
  'GET /orders': {
    path: '/orders?page=1&limit=5',
    sends: { page: 1, limit: 5 },
    answers: { items: [], page: 1, limit: 5 },
    data: { items: [], page: 1, limit: 5, total: 0 },
  },
  'GET /orders/:orderId': {
    path: '/orders/order_1',
    sends: { orderId: 'order_1' },
    answers: { orderId: 'order_1', status: 'cancelled', reason: 'out_of_stock' },
    data: { orderId: 'order_1', status: 'cancelled', reason: 'out_of_stock', items: [] },
  },
  'GET /orders/:orderId/story': {
    path: '/orders/order_1/story',
    sends: { orderId: 'order_1' },
    answers: { orderId: 'order_1', steps: [{ step: 'reserve', outcome: 'done', at }] },
    data: { steps: [{ step: 'reserve', outcome: 'done', at: time, ms: 0 }], events: [] },
  },
  'POST /orders/:orderId/cancel': {
    path: '/orders/order_1/cancel',
    body: { reason: 'changed_my_mind' },
    sends: { orderId: 'order_1', reason: 'changed_my_mind' },
    answers: { orderId: 'order_1', status: 'cancelled', reason: 'changed_my_mind' },
    data: { orderId: 'order_1', status: 'cancelled' },
  },
  'GET /payments/:paymentId': {
    path: '/payments/payment_1',
    sends: { paymentId: 'payment_1' },
    answers: { paymentId: 'payment_1', amount: price, status: 'captured' },
    data: { paymentId: 'payment_1', amount: price, status: 'captured', refunds: [] },
  },
  'POST /payments/:paymentId/refunds': {
    path: '/payments/payment_1/refunds',
    body: { amount: price, reason: 'goodwill' },
    sends: { paymentId: 'payment_1', amount: price, reason: 'goodwill' },
    answers: { paymentId: 'payment_1', refunded: price },
    data: { paymentId: 'payment_1', refunded: price },
  },
  'GET /deliveries/:orderId': {
    path: '/deliveries/order_1',
    sends: { orderId: 'order_1' },
    answers: { deliveryId: 'delivery_1', status: 'scheduled', estimatedAt: at },
    data: { deliveryId: 'delivery_1', status: 'scheduled', estimatedAt: time },
  },
  'POST /deliveries/:orderId/status': {
    path: '/deliveries/order_1/status',
    body: { status: 'in_transit' },
    sends: { orderId: 'order_1', status: 'in_transit' },
    answers: { deliveryId: 'delivery_1', status: 'in_transit' },
    data: { deliveryId: 'delivery_1', status: 'in_transit' },
  },
  'GET /notifications': {
    path: '/notifications?page=1&limit=5',
    sends: { page: 1, limit: 5 },
    answers: { items: [{ notificationId: 'n_1', sentAt: at }], page: 1, limit: 5, total: 1 },
    data: { items: [{ notificationId: 'n_1', sentAt: time, read: false }], total: 1 },
  },
  ...deviceCases,
  ...vendingCases,
  'GET /admin/dead-letters/:service': {
    path: `${letters}?page=1&limit=5`,
    sends: { page: 1, limit: 5 },
    answers: { items: [letter], page: 1, limit: 5, total: 1 },
    data: { items: [{ ...letter, replayCount: 0 }], total: 1 },
  },
  'GET /admin/dead-letters/:service/:id': {
    path: `${letters}/event_1`,
    sends: { id: 'event_1' },
    answers: { ...letter, event: { id: 'event_1', data: { deep: [1, null] } } },
    data: { ...letter, event: { id: 'event_1', data: { deep: [1, null] } } },
  },
  'DELETE /admin/dead-letters/:service/:id': {
    path: `${letters}/event_1`,
    sends: { id: 'event_1' },
    answers: {},
    data: {},
  },
  'POST /admin/dead-letters/:service/:id/replay': {
    path: `${letters}/event_1/replay`,
    body: {},
    sends: { id: 'event_1' },
    answers: { succeeded: false, deadLetter: letter },
    data: { succeeded: false, deadLetter: letter },
  },
};
