import { describe, expect, test } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { admin, bob, customer, elsewhere, sally, service, stranger, withShop } from './testing';

const eur = (amount: string) => ({ amount, currency: 'EUR' });

/** A shop that sells a cup at a price of its own and a pot at the price of the catalogue. */
async function withOffers() {
  const { bed, shopId } = await withShop();
  const cup = { shopId, productId: 'cup', price: eur('4.5') };
  await bed.call('setOffer', cup, { caller: sally, id: 'cup' });
  await bed.call('setOffer', { shopId, productId: 'pot' }, { caller: sally, id: 'pot' });
  return { bed, shopId };
}

describe('the offers of a shop', () => {
  test('have a price of their own or the price of the catalogue', async () => {
    const { bed, shopId } = await withOffers();
    const { items, ...page } = await bed.call('listOffers', { shopId }, { caller: stranger });
    expect(page).toMatchObject({ page: 1, limit: 20, total: 2 });
    expect(items).toMatchObject([
      { shopId, productId: 'pot', name: 'Pot', price: eur('30.00'), ownPrice: false },
      { shopId, productId: 'cup', name: 'Cup', price: eur('4.50'), ownPrice: true },
    ]);
  });

  test('are returned in pages, without a call to the catalogue', async () => {
    const { bed, shopId } = await withOffers();
    const before = bed.callCount('product', 'priceItems');
    const request = { shopId, page: 2, limit: 1 };
    const { items, total } = await bed.call('listOffers', request, { caller: customer });
    expect(items.map(({ productId }) => productId)).toEqual(['cup']);
    expect(total).toBe(2);
    expect(bed.callCount('product', 'priceItems')).toBe(before);
  });

  test('are priced in the order of the request', async () => {
    const { bed, shopId } = await withOffers();
    const request = { shopId, productIds: ['pot', 'cup', 'pot'] };
    const { offers } = await bed.call('priceOffers', request, { caller: service });
    expect(offers.map(({ price }) => price?.amount)).toEqual(['30.00', '4.50', '30.00']);
    const some = { shopId, productIds: ['cup', 'kettle'] };
    await expect(bed.call('priceOffers', some, { caller: service })).rejects.toMatchObject({
      code: Code.NOT_FOUND,
      details: { productId: 'kettle' },
    });
  });

  test.each(['listOffers', 'priceOffers'] as const)(
    'are not found by %s if the tenant has no such shop',
    async (method) => {
      const { bed, shopId } = await withOffers();
      const request = { shopId, productIds: ['cup'] };
      const theirs = bed.call(method, request, { caller: elsewhere(service) });
      await expect(theirs).rejects.toMatchObject({ code: Code.NOT_FOUND });
    },
  );
});

describe('an offer', () => {
  test('that is set again has the new price and is listed once', async () => {
    const { bed, shopId } = await withOffers();
    const request = { shopId, productId: 'cup' };
    expect(await bed.call('setOffer', request, { caller: sally })).toMatchObject({
      price: eur('5.00'),
      ownPrice: false,
    });
    const { items } = await bed.call('listOffers', { shopId }, { caller: stranger });
    expect(items.filter(({ productId }) => productId === 'cup')).toMatchObject([
      { price: eur('5.00') },
    ]);
  });

  test('that was removed is gone and can be added again', async () => {
    const { bed, shopId } = await withOffers();
    const request = { shopId, productId: 'cup' };
    for (let times = 0; times < 2; times++) {
      await bed.call('removeOffer', request, { caller: sally });
      const { items, total } = await bed.call('listOffers', { shopId }, { caller: stranger });
      expect(items.map(({ productId }) => productId)).toEqual(['pot']);
      expect(total).toBe(1);
    }
    await bed.call('setOffer', request, { caller: admin });
    expect((await bed.call('listOffers', { shopId }, { caller: stranger })).total).toBe(2);
  });

  test('is refused for a product that is not in the catalogue', async () => {
    const { bed, shopId } = await withShop();
    const call = bed.call('setOffer', { shopId, productId: 'kettle' }, { caller: sally });
    await expect(call).rejects.toMatchObject({ code: Code.NOT_FOUND });
    expect((await bed.call('listOffers', { shopId }, { caller: stranger })).total).toBe(0);
  });

  test.each([
    [bob, Code.PERMISSION_DENIED],
    [customer, Code.PERMISSION_DENIED],
    [service, Code.PERMISSION_DENIED],
    [elsewhere(admin), Code.NOT_FOUND],
  ])('cannot be set or removed by %j', async (caller, code) => {
    const { bed, shopId } = await withOffers();
    for (const method of ['setOffer', 'removeOffer'] as const) {
      const call = bed.call(method, { shopId, productId: 'cup' }, { caller });
      await expect(call).rejects.toMatchObject({ code });
    }
  });

  test.each([
    ['productId', { productId: '../x' }],
    ['price.amount', { price: eur('0.00') }],
    ['price.amount', { price: eur('1.234') }],
    ['price.currency', { price: { amount: '1.00', currency: 'euro' } }],
  ])('is refused for an invalid %s with its name', async (field, part) => {
    const { bed, shopId } = await withShop();
    const request = { shopId, productId: 'cup', ...part };
    await expect(bed.call('setOffer', request, { caller: sally })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [expect.objectContaining({ field })] },
    });
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    const { shopId } = await withShop();
    const request = { shopId, productId: 'cup', price: eur('4.50') };
    await expectCrashSafe(
      async () => (await withShop()).bed,
      (bed) => bed.call('setOffer', request, { caller: sally, id: 'o1' }),
    );
    await expectCrashSafe(
      async () => (await withOffers()).bed,
      (bed) => bed.call('removeOffer', { shopId, productId: 'cup' }, { caller: sally, id: 'o2' }),
    );
  });
});

describe('an offer on a condition', () => {
  const failed = { details: { reason: 'precondition_failed' } };
  const cup = { productId: 'cup' };

  test('is created only if there is none, and listed once', async () => {
    const { bed, shopId } = await withShop();
    const precondition = { noneMatch: '*' as const };
    const create = () => bed.call('setOffer', { shopId, ...cup }, { caller: sally, precondition });
    const results = await Promise.allSettled([create(), create()]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await expect(create()).rejects.toMatchObject(failed);
    await bed.call('removeOffer', { shopId, ...cup }, { caller: sally });
    // what was withdrawn does not exist
    expect(await create()).toMatchObject(cup);
    expect((await bed.call('listOffers', { shopId }, { caller: sally })).total).toBe(1);
  });

  test.each([{ match: '*' as const }, { match: ['abc'] }])(
    'that must exist (%j) is neither created nor listed if it does not',
    async (precondition) => {
      const { bed, shopId } = await withShop();
      const request = { shopId, ...cup };
      for (const method of ['setOffer', 'removeOffer'] as const) {
        const call = bed.call(method, request, { caller: sally, precondition });
        await expect(call).rejects.toMatchObject(failed);
      }
      expect((await bed.call('listOffers', { shopId }, { caller: sally })).total).toBe(0);
    },
  );

  test('that was stored without a time exists, and has no version', async () => {
    const { bed, shopId } = await withShop();
    await bed.context().offers.update(`${shopId}/cup`, () => cup);
    const set = (precondition: object) =>
      bed.call('setOffer', { shopId, ...cup, price: eur('4.00') }, { caller: sally, precondition });
    await expect(set({ match: ['abc'] })).rejects.toMatchObject(failed);
    expect((await set({ match: '*' })).updatedAt).toBeDefined();
  });

  test('is returned by its product, unless it is withdrawn or only in the catalogue', async () => {
    const { bed, shopId } = await withOffers();
    const get = (productId: string) =>
      bed.call('getOffer', { shopId, productId }, { caller: stranger });
    expect(await get('cup')).toMatchObject({ ownPrice: true, price: eur('4.50'), name: 'Cup' });
    await bed.call('removeOffer', { shopId, ...cup }, { caller: sally });
    for (const productId of ['cup', 'kettle']) {
      await expect(get(productId)).rejects.toMatchObject({ code: Code.NOT_FOUND });
    }
  });
});
