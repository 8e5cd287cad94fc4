import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Edge, openEdge } from '../testing/edge';

let edge: Edge;
let received: Record<string, unknown> | undefined;
const record = (request: object) => {
  received = { ...request };
  return {};
};
beforeAll(async () => {
  edge = await openEdge({ shop: { updateShop: record }, product: { listProducts: record } });
});
afterAll(() => edge.close());
beforeEach(() => {
  received = undefined;
});

describe('a PATCH', () => {
  const patch = async (body: object) =>
    edge.send('PATCH', '/api/v1/shops/shop_1', {
      token: await edge.token({ role: 'admin' }),
      body,
    });

  it.each([
    [{ sellerIds: [] }, ['seller_ids']],
    [{ openingHours: [], name: 'Corner' }, ['opening_hours', 'name']],
    [{}, []],
  ])('%j names the fields that it contains, so that an empty list empties', async (body, paths) => {
    expect((await patch(body)).status).toBe(200);
    expect(received).toMatchObject({ updateMask: { paths } });
  });

  it('cannot name other fields itself', async () => {
    expect((await patch({ updateMask: 'sellerIds' })).status).toBe(422);
    expect((await patch({ update_mask: {} })).status).toBe(422);
    expect(received).toBeUndefined();
  });
});

describe('a page of a list', () => {
  it.each(['page=0', 'limit=0', 'page=-0', 'limit=00', 'page=1&limit=0'])(
    'with %s is refused by the name of the parameter',
    async (query) => {
      const { status, body } = await edge.send('GET', `/api/v1/products?${query}`);
      expect(status).toBe(422);
      expect(body.error).toMatch(/^(page|limit) must be at least 1$/);
      expect(received).toBeUndefined();
    },
  );

  it.each([
    ['?=1', '"" is unknown'],
    ['?page', /^page must be a whole number/],
    ['?page=', /^page must be a whole number/],
    ['?page=1&page=1', /^page must be a whole number/],
    ['?page=1&%70age=2', /^page must be a whole number/],
    ['?limit=1e2', /^limit must be a whole number/],
    ['?limit=%201', /^limit must be a whole number/],
    ['?limit=1;page=2', /^limit must be a whole number/],
    ['?page[]=1', 'page[] is unknown'],
    ['?__proto__=1', '__proto__ is unknown'],
  ])('with %s is refused by the name of the parameter', async (query, message) => {
    const { status, body } = await edge.send('GET', `/api/v1/products${query}`);
    expect(status).toBe(422);
    expect(body.error).toMatch(message);
    expect(received).toBeUndefined();
  });

  it.each(['', 'page=1', 'limit=1', 'page=10&limit=100'])('with %j is read', async (query) => {
    expect((await edge.send('GET', `/api/v1/products?${query}`)).status).toBe(200);
  });
});
