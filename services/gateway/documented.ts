import { documentedDevices } from './documented-devices';
import { documentedVending } from './documented-vending';

/** What the documents tell of a route beyond what its row and its messages say. */
export interface Documented {
  /** What it does, in a line. */
  readonly summary: string;
  /** Fields of the body that may be left out, as paths such as `deliveryAddress.line2`. */
  readonly optional?: readonly string[];
  /** A request by example, by the names of the path's and the query's parameters. */
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: Readonly<Record<string, unknown>>;
  /** The data of the answer to it, whole; of a row that the gateway answers by itself none. */
  readonly data?: Readonly<Record<string, unknown>>;
}

const at = '2026-01-01T10:00:00.500Z';
const times = { createdAt: at, updatedAt: at };
const orderId = 'order_7Qd1';
const productId = 'product_Kx3v';
const userId = 'user_9fLb';
const shopId = 'shop_1';
const price = { amount: '19.99', currency: 'EUR' };
const total = { amount: '39.98', currency: 'EUR' };

const account = { email: 'ada@example.com', name: 'Ada' };
const profile = { userId, ...account, role: 'customer', phone: '+49 30 123456', ...times };
const session = `${userId}.session_m3Xc.q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA`;
/** What whoever signs in gets, and whoever comes with a refresh token. */
const tokens = {
  token: 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln',
  expiresAt: at,
  user: { userId, ...account, role: 'customer', tenantId: 'default' },
  refreshToken: session,
  refreshExpiresAt: at,
};
const keyId = 'key_w2Ld';
const apiKey = { name: 'ERP', role: 'seller', scopes: ['orders:read', 'products:write'] };
const newProduct = { name: 'Cup', description: 'For tea.', category: 'tea', price };
const product = { productId, ...newProduct, availability: 'in_stock', ...times };
const place = { shopId, productId };
const stock = { ...place, available: 40, reserved: 2, minimumStock: 5 };
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
const letter = {
  id: 'event_2mVx',
  type: 'order.confirmed',
  source: 'order',
  subject: orderId,
  correlationId: 'req_1',
  reason: 'unreadable',
  message: 'data.userId is missing',
  attempts: 1,
  replayCount: 0,
  firstFailedAt: at,
  lastFailedAt: at,
};
const event = { id: letter.id, type: letter.type, data: { orderId } };

const firstPage = { page: 1, limit: 20 };
const pageOf = (item: object) => ({ items: [item], ...firstPage, total: 1 });

/** By method and path of the row. */
export const documented: Readonly<Record<string, Documented>> = {
  'POST /auth/register': {
    summary: 'Makes an account; its role is always customer',
    body: { ...account, password: 'correct horse' },
    data: { userId, email: account.email, role: 'customer' },
  },
  'POST /auth/login': {
    summary: 'Changes an email and a password for a token',
    body: { email: account.email, password: 'correct horse' },
    data: tokens,
  },
  'POST /auth/refresh': {
    summary: 'Changes a refresh token, which is good once, for a new pair of tokens',
    body: { refreshToken: session },
    data: tokens,
  },
  'POST /auth/logout': {
    summary: 'Ends the session of a refresh token',
    body: { refreshToken: session },
    data: {},
  },
  'POST /api-keys': {
    summary: 'Makes a key for an external integration, which sends it as X-API-Key',
    body: apiKey,
    data: {
      keyId,
      ...apiKey,
      createdAt: at,
      key: `${keyId}.q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA`,
    },
  },
  'GET /api-keys': {
    summary: 'The keys of external integrations',
    query: { page: 1, limit: 20 },
    data: { items: [{ keyId, ...apiKey, createdAt: at }], page: 1, limit: 20, total: 1 },
  },
  'DELETE /api-keys/:keyId': {
    summary: 'Revokes a key: it is refused within a minute',
    params: { keyId },
    data: {},
  },
  'GET /users/profile': { summary: 'Your own profile', data: profile },
  'PATCH /users/profile': {
    summary: 'Changes what is given of your own profile',
    optional: ['name', 'phone'],
    body: { phone: '+49 30 123456' },
    data: profile,
  },

  'GET /products': {
    summary: 'A page of the catalogue, or of one category of it',
    query: { ...firstPage, category: 'tea' },
    data: pageOf(product),
  },
  'GET /products/:productId': { summary: 'A product', params: { productId }, data: product },
  'POST /products': {
    summary: 'Adds a product to the catalogue',
    optional: ['description'],
    body: newProduct,
    data: product,
  },
  'PATCH /products/:productId': {
    summary: 'Changes what is given of a product',
    optional: ['name', 'description', 'category', 'price'],
    params: { productId },
    body: { price },
    data: product,
  },

  'GET /inventory/:shopId/:productId': {
    summary: 'What a shop has of a product; what is reserved is not available',
    params: place,
    data: stock,
  },
  'POST /inventory/:shopId/:productId/adjustments': {
    summary: 'Adds pieces, or takes them where change is negative; never below zero',
    optional: ['minimumStock'],
    params: place,
    body: { change: 40, reason: 'Delivery of Monday', minimumStock: 5 },
    data: stock,
  },

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

  ...documentedDevices,
  ...documentedVending,

  'GET /admin/dead-letters/:service': {
    summary: 'The events that a service could not handle, newest first, without their data',
    params: { service: 'order' },
    query: firstPage,
    data: pageOf(letter),
  },
  'GET /admin/dead-letters/:service/:id': {
    summary: 'An event that a service could not handle, as it came',
    params: { service: 'order', id: letter.id },
    data: { ...letter, event },
  },
  'DELETE /admin/dead-letters/:service/:id': {
    summary: 'Discards an event that a service could not handle',
    params: { service: 'order', id: letter.id },
    data: {},
  },
  'POST /admin/dead-letters/:service/:id/replay': {
    summary: 'Hands an event to its handler once more; where it succeeds it is gone',
    params: { service: 'order', id: letter.id },
    body: {},
    data: { succeeded: false, deadLetter: { ...letter, replayCount: 1, attempts: 2 } },
  },

  'GET /health': { summary: 'Whether orders can be placed, for a load balancer' },
  'GET /health/detailed': { summary: 'How each service is' },
  'GET /gateway/status': { summary: 'How the gateway runs' },
  'GET /gateway/services': { summary: 'The services behind the gateway' },
};
