import { describe, expect, jest, test } from '@jest/globals';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { Code } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { ProductCreated, ProductUpdated } from '#contracts/product';
import { bob, customer, sally, service, shopBed, stranger, withShop } from './testing';

const eur = (amount: string) => ({ amount, currency: 'EUR' });
const CHANNELS = ['online', 'store', 'pickup', 'vending'];

type Bed = ReturnType<typeof shopBed>;

/** A shop that is always open and sells in every channel, with these changes. */
async function openShop(changes: object = {}) {
  const { bed, shopId } = await withShop({ channels: CHANNELS, openingHours: [], ...changes });
  return { bed, shopId };
}

const price = (bed: Bed, shopId: string, more: object = {}) =>
  bed.call(
    'priceOffers',
    { shopId, productIds: ['cup'], channel: 'online', ...more },
    { caller: customer },
  );
const amounts = async (...args: Parameters<typeof price>) =>
  (await price(...args)).offers.map((offer) => offer.price?.amount);
const update = (bed: Bed, shopId: string, policies: object) =>
  bed.call('updateShop', { shopId, policies }, { caller: sally });

describe('what a shop sells', () => {
  test('is the catalogue at its prices, unless it says otherwise', async () => {
    const { bed, shopId } = await openShop();
    expect(await amounts(bed, shopId, { productIds: ['pot', 'cup'] })).toEqual(['30.00', '5.00']);
  });

  test('is at its own price where it has one', async () => {
    const { bed, shopId } = await openShop();
    await bed.call('setOffer', { shopId, productId: 'cup', price: eur('4.00') }, { caller: sally });
    expect(await amounts(bed, shopId)).toEqual(['4.00']);
  });

  test('is not a product that it has withdrawn, until it offers it again', async () => {
    const { bed, shopId } = await openShop();
    const cup = { shopId, productId: 'cup' };
    for (let times = 0; times < 2; times++) {
      await bed.call('removeOffer', cup, { caller: sally });
      await expect(price(bed, shopId, { productIds: ['pot', 'cup'] })).rejects.toMatchObject({
        code: Code.NOT_FOUND,
        details: { reason: 'offer_withdrawn', productId: 'cup' },
      });
    }
    await bed.call('setOffer', cup, { caller: sally });
    expect(await amounts(bed, shopId)).toEqual(['5.00']);
  });

  test('is only its offers if it does not sell the catalogue', async () => {
    const { bed, shopId } = await openShop({ policies: { sellsCatalogue: false } });
    await bed.call('setOffer', { shopId, productId: 'pot' }, { caller: sally });
    expect(await amounts(bed, shopId, { productIds: ['pot'] })).toEqual(['30.00']);
    await expect(price(bed, shopId)).rejects.toMatchObject({
      code: Code.NOT_FOUND,
      details: { reason: 'not_offered', productId: 'cup' },
    });
  });

  test('is nothing that does not exist', async () => {
    const { bed, shopId } = await openShop();
    await expect(price(bed, shopId, { productIds: ['cup', 'kettle'] })).rejects.toMatchObject({
      code: Code.NOT_FOUND,
      details: { reason: 'product_not_found', productId: 'kettle' },
    });
    await expect(price(bed, 'shop_none')).rejects.toMatchObject({
      code: Code.NOT_FOUND,
      details: { reason: 'shop_not_found' },
    });
  });

  test.each(CHANNELS)('is in its channels only: %s', async (channel) => {
    const { bed, shopId } = await openShop({ channels: [channel] });
    for (const asked of CHANNELS) {
      const result = price(bed, shopId, { channel: asked });
      if (asked === channel) expect((await result).offers).toHaveLength(1);
      else {
        await expect(result).rejects.toMatchObject({
          code: Code.FAILED_PRECONDITION,
          details: { reason: 'channel_not_offered' },
        });
      }
    }
    // the prices alone are of interest
    expect((await price(bed, shopId, { channel: undefined })).offers).toHaveLength(1);
  });

  test('is in the channels of its offer', async () => {
    const { bed, shopId } = await openShop();
    const offer = { shopId, productId: 'cup', channels: ['store', 'store'] };
    expect(await bed.call('setOffer', offer, { caller: sally })).toMatchObject({
      channels: ['store'],
    });
    expect(await amounts(bed, shopId, { channel: 'store' })).toEqual(['5.00']);
    await expect(price(bed, shopId)).rejects.toMatchObject({
      details: { reason: 'channel_not_offered', productId: 'cup' },
    });
  });

  test.each(['marketplace', 'pigeon', ''])('is not asked for the channel "%s"', async (channel) => {
    const { bed, shopId } = await openShop();
    await expect(price(bed, shopId, { channel })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field: 'channel' }] },
    });
  });

  test('is withdrawn by its managers only', async () => {
    const { bed, shopId } = await openShop();
    for (const caller of [bob, customer, stranger]) {
      const call = bed.call('removeOffer', { shopId, productId: 'cup' }, { caller });
      await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    }
    await bed.call('removeOffer', { shopId, productId: 'kettle' }, { caller: sally });
    expect([...bed.memory.documents.keys()].some((key) => key.startsWith('offers:'))).toBe(false);
  });
});

describe('a shop that is closed', () => {
  // the clock starts on a Thursday at midnight UTC
  const openingHours = [{ day: 'thursday', opens: '09:00', closes: '18:00' }];

  test('accepts orders, and says when it opens', async () => {
    const { bed, shopId } = await openShop({ openingHours });
    const { terms } = await price(bed, shopId);
    expect(timestampDate(terms!.opensAt!).toISOString()).toBe('2026-01-01T08:00:00.000Z');
    const shop = await bed.call('getShop', { shopId }, { caller: stranger });
    expect(shop).toMatchObject({ open: false, opensAt: terms?.opensAt });
  });

  test.each(['online', 'store', 'pickup'])(
    'refuses orders by %s if that is its policy',
    async (channel) => {
      const policies = { ordersWhenClosed: 'refuse' };
      const { bed, shopId } = await openShop({ openingHours, policies });
      await expect(price(bed, shopId, { channel })).rejects.toMatchObject({
        code: Code.FAILED_PRECONDITION,
        details: { reason: 'shop_closed', opensAt: '2026-01-01T08:00:00.000Z' },
      });
      bed.clock.advance(8 * 3_600_000);
      const { terms, offers } = await price(bed, shopId, { channel });
      expect(offers).toHaveLength(1);
      expect(terms?.opensAt).toBeUndefined();
    },
  );

  test('sells in machines at any time', async () => {
    const policies = { ordersWhenClosed: 'refuse' };
    const { bed, shopId } = await openShop({ openingHours, policies });
    expect((await price(bed, shopId, { channel: 'vending' })).offers).toHaveLength(1);
  });
});

describe('the policies of a shop', () => {
  test('have defaults', async () => {
    const { bed, shopId } = await openShop();
    const { policies } = await bed.call('getShop', { shopId }, { caller: stranger });
    expect(policies).toMatchObject({
      sellsCatalogue: true,
      ordersWhenClosed: 'accept',
      deliveryPaidBy: 'shop',
      pickupHoldHours: 72,
      returnDays: 14,
    });
  });

  test('change one by one, and reach an order as terms', async () => {
    const { bed, shopId } = await openShop({ policies: { returnDays: 30 } });
    await update(bed, shopId, { deliveryPaidBy: 'buyer' });
    await update(bed, shopId, { pickupHoldHours: 24 });
    expect((await price(bed, shopId)).terms).toMatchObject({
      deliveryPaidBy: 'buyer',
      pickupHoldHours: 24,
      returnDays: 30,
    });
    await update(bed, shopId, { sellsCatalogue: false });
    const { policies } = await bed.call('getShop', { shopId }, { caller: stranger });
    expect(policies).toMatchObject({ sellsCatalogue: false, returnDays: 30 });
  });

  test.each([
    ['policies.ordersWhenClosed', { ordersWhenClosed: 'perhaps' }],
    ['policies.deliveryPaidBy', { deliveryPaidBy: 'nobody' }],
    ['policies.pickupHoldHours', { pickupHoldHours: 0 }],
    ['policies.returnDays', { returnDays: 366 }],
  ])('name an invalid %s', async (field, policies) => {
    const { bed, shopId } = await openShop();
    await expect(update(bed, shopId, policies)).rejects.toMatchObject({
      details: { fields: [{ field }] },
    });
  });
});

describe('the catalogue of a shop', () => {
  const kettle = {
    productId: 'kettle',
    name: 'Kettle',
    description: 'Copper.',
    category: 'kitchen',
    price: eur('89.00'),
  };

  test('is copied from events, so that a price needs no call', async () => {
    const { bed, shopId } = await openShop();
    await bed.handleEvent(ProductCreated, kettle, { sequence: 1 });
    expect(await amounts(bed, shopId, { productIds: ['kettle'] })).toEqual(['89.00']);
    expect(bed.callCount('product', 'priceItems')).toBe(0);
  });

  test('follows the newest event, in whatever order they arrive', async () => {
    const { bed, shopId } = await openShop();
    const changed = { ...kettle, changed: ['price' as const] };
    await bed.handleEvent(
      ProductUpdated,
      { ...changed, price: eur('95.00') },
      { sequence: 3, id: 'e3' },
    );
    await bed.handleEvent(
      ProductUpdated,
      { ...changed, price: eur('92.00') },
      { sequence: 2, id: 'e2' },
    );
    await bed.handleEvent(ProductCreated, kettle, { sequence: 1, id: 'e1' });
    expect(await amounts(bed, shopId, { productIds: ['kettle'] })).toEqual(['95.00']);
  });

  test('is completed by one call for products whose events have not arrived', async () => {
    const { bed, shopId } = await openShop();
    const productIds = ['cup', 'pot'];
    expect(await amounts(bed, shopId, { productIds })).toEqual(['5.00', '30.00']);
    expect(await amounts(bed, shopId, { productIds })).toEqual(['5.00', '30.00']);
    expect(bed.callCount('product', 'priceItems')).toBe(1);
    // an event replaces what was fetched
    const cup = { ...kettle, productId: 'cup', price: eur('6.00'), changed: ['price' as const] };
    await bed.handleEvent(ProductUpdated, cup, { sequence: 1 });
    expect(await amounts(bed, shopId)).toEqual(['6.00']);
  });

  test('is read with the shop and its offers by one request', async () => {
    const { bed, shopId } = await openShop();
    await price(bed, shopId, { productIds: ['cup', 'pot'] });
    const load = jest.spyOn(bed.sidecar, 'load');
    const loadMany = jest.spyOn(bed.sidecar, 'loadMany');
    await price(bed, shopId, { productIds: ['cup', 'pot'] });
    expect(loadMany).toHaveBeenCalledTimes(1);
    expect(load).not.toHaveBeenCalled();
  });

  test('decides whether a stock may exist', async () => {
    const { bed, shopId } = await openShop();
    const ask = (more: object) => bed.call('mayManage', { shopId, ...more }, { caller: sally });
    expect((await ask({ productId: 'cup' })).unknown).toBeUndefined();
    expect((await ask({ productId: 'kettle' })).unknown).toBe('product');
    expect((await ask({ shopId: 'none', productId: 'cup' })).unknown).toBe('shop');
    expect((await ask({})).unknown).toBeUndefined();
  });

  test('is crash safe', async () => {
    await expectCrashSafe(
      () => shopBed(),
      (bed) => bed.handleEvent(ProductCreated, kettle, { id: 'created' }),
    );
    const { shopId } = await openShop();
    await expectCrashSafe(
      async () => (await openShop()).bed,
      (bed) =>
        bed.call('priceOffers', { shopId, productIds: ['cup'] }, { caller: service, id: 'p' }),
    );
  });
});
