import type { RouteExamples } from './types';
import { CREATED_AND_UPDATED, FIRST_PAGE, pageOf, productId, shopId } from './values';

const found = {
  ...{ productId, name: 'Red cup', description: 'For tea.', category: 'Kitchen' },
  price: { amount: '19.99', currency: 'EUR' },
  availability: 'in_stock',
  ...CREATED_AND_UPDATED,
  highlights: {
    name: [
      { text: 'Red ', match: false },
      { text: 'cup', match: true },
    ],
    description: [
      { text: 'For ', match: false },
      { text: 'tea', match: true },
      { text: '.', match: false },
    ],
  },
};

/** For routes/search.ts. */
export const searchExamples: RouteExamples = {
  'GET /search': {
    summary: 'Finds products by words, also incomplete or mistyped ones, and counts them',
    query: {
      ...{ q: 'cup tea', category: 'Kitchen', minPrice: '10', maxPrice: '20', inStock: true },
      ...{ shopId, sort: 'relevance', ...FIRST_PAGE },
    },
    data: {
      ...pageOf(found),
      facets: {
        categories: [{ category: 'Kitchen', count: 1 }],
        prices: [{ currency: 'EUR', from: '10', to: '25', count: 1 }],
        stock: [{ inStock: true, count: 1 }],
      },
    },
  },
  'GET /search/suggest': {
    summary: 'Completes a text that is being typed by names of products and categories',
    query: { q: 'red c', limit: 8 },
    data: {
      items: [
        { text: 'Red cups', kind: 'category' },
        { text: 'Red cup', kind: 'product', productId },
      ],
    },
  },
  'GET /search/index': {
    summary:
      'Returns how far the newest build of the index is; the one before it answers until then',
    data: { generation: 2, state: 'building', done: 1200, total: 5000 },
  },
  'POST /search/index/rebuild': {
    summary: 'Builds the index again from the services that own the data',
    data: { generation: 2, state: 'building', done: 0, total: 0 },
  },
};
