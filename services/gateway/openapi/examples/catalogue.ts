import type { RouteExamples } from './types';
import { CREATED_AND_UPDATED, FIRST_PAGE, TIME, pageOf, productId, shopId, userId } from './values';

const price = { amount: '19.99', currency: 'EUR' };
const newProduct = { name: 'Cup', description: 'For tea.', category: 'tea', price };
const product = {
  productId,
  ...newProduct,
  availability: 'in_stock',
  ...CREATED_AND_UPDATED,
};
const stock = { shopId, productId, available: 40, reserved: 2, minimumStock: 5 };

/** For routes/catalogue.ts. */
export const catalogueExamples: RouteExamples = {
  'GET /products': {
    summary: 'Lists the products of the catalogue, or of one category',
    query: { ...FIRST_PAGE, category: 'tea' },
    data: pageOf(product),
  },
  'GET /products/:productId': {
    summary: 'Returns a product',
    params: { productId },
    data: product,
  },
  'POST /products': {
    summary: 'Adds a product to the catalogue',
    optional: ['description'],
    body: newProduct,
    data: product,
  },
  'PATCH /products/:productId': {
    summary: 'Updates the given fields of a product',
    optional: ['name', 'description', 'category', 'price'],
    params: { productId },
    body: newProduct,
    data: product,
  },
  'GET /products/:productId/owner': {
    summary: 'Returns the owner of a product: empty if only admins may change it',
    params: { productId },
    data: { productId, ownerId: userId, updatedAt: TIME },
  },
  'POST /products/:productId/owner': {
    summary: 'Makes a seller the owner of a product, who may change it besides admins',
    params: { productId },
    body: { ownerId: userId },
    data: { productId, ownerId: userId, updatedAt: TIME },
  },

  'GET /inventory/:shopId/:productId': {
    summary: 'Returns the stock of a product in a shop; reserved pieces are not available',
    params: { shopId, productId },
    data: stock,
  },
  'POST /inventory/:shopId/:productId/adjustments': {
    summary: 'Adds pieces to the stock, or removes them if change is negative; never below zero',
    optional: ['minimumStock'],
    params: { shopId, productId },
    body: { change: 40, reason: 'Delivery of Monday', minimumStock: 5 },
    data: stock,
  },
  'POST /inventory/:shopId/:productId/counts': {
    summary: 'Sets the stock to the counted pieces, including those that are reserved',
    optional: ['minimumStock'],
    params: { shopId, productId },
    body: { pieces: 40, reason: 'Inventory of January', minimumStock: 5 },
    data: stock,
  },
};
