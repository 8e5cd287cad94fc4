import { documentedAccounts } from './accounts';
import { documentedDevices } from './devices';
import { documentedOrders } from './orders';
import { documentedVending } from './vending';

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
const shopId = 'shop_1';
const price = { amount: '19.99', currency: 'EUR' };

const newProduct = { name: 'Cup', description: 'For tea.', category: 'tea', price };
const product = { productId, ...newProduct, availability: 'in_stock', ...times };
const place = { shopId, productId };
const stock = { ...place, available: 40, reserved: 2, minimumStock: 5 };
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
  ...documentedAccounts,

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

  ...documentedOrders,
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
