import { describe, expect, it } from '@jest/globals';
import { Code, MicroserviceError, refused } from '#kit/core/errors';
import { OrderCreated } from '#contracts/order';
import { CHANNELS } from './domain';
import { type Bed, FakeServices, ann, noAnswer, openBed, orderOf, orderRequest } from './testing';

const place = (bed: Bed, request: object, id = 'key-1') =>
  bed.call('placeOrder', request, { caller: ann, id });

async function refusalOf(bed: Bed, request: object): Promise<unknown> {
  return place(bed, request).catch((error: unknown) => error);
}

describe('an order asks the shop', () => {
  it.each(CHANNELS)('once, with its channel: %s', async (channel) => {
    const bed = openBed(new FakeServices());
    const order = await place(bed, orderRequest({ channel }));
    expect(order).toMatchObject({ status: 'confirmed', channel });
    const calls = bed.memory.calls.filter(({ method }) => method === 'priceOffers');
    expect(calls.map(({ request }) => request)).toMatchObject([
      { shopId: 'shop_1', productIds: ['pen', 'ink'], channel },
    ]);
  });

  it('as an online order if it names no channel', async () => {
    const bed = openBed(new FakeServices());
    const { channel: _, ...request } = orderRequest();
    expect(await place(bed, request)).toMatchObject({ channel: 'online' });
  });

  it.each([
    ['shop_not_found', {}, 'shopId is not a known shop', Code.NOT_FOUND],
    ['shop_closed', {}, 'shopId is a shop that is closed', Code.FAILED_PRECONDITION],
    ['channel_not_offered', {}, 'channel is not offered by this shop', Code.FAILED_PRECONDITION],
    [
      'channel_not_offered',
      { productId: 'ink' },
      'items.1.productId is not sold in this channel',
      Code.FAILED_PRECONDITION,
    ],
    [
      'product_not_found',
      { productId: 'pen' },
      'items.0.productId is not a known product',
      Code.NOT_FOUND,
    ],
    [
      'not_offered',
      { productId: 'ink' },
      'items.1.productId is not sold in this shop',
      Code.NOT_FOUND,
    ],
    [
      'offer_withdrawn',
      { productId: 'ink' },
      'items.1.productId is no longer sold in this shop',
      Code.NOT_FOUND,
    ],
  ])('and is refused with its reason: %s %j', async (reason, details, message, code) => {
    const services = new FakeServices();
    services.terms.refusal = new MicroserviceError('no', code, { reason, ...details });
    const bed = openBed(services);
    const refusal = await refusalOf(bed, orderRequest());
    const [field] = message.split(' ');
    expect(refusal).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { reason, fields: [{ field }] },
    });
    expect(String(refusal)).toContain(message);
    expect(bed.memory.documents.size).toBe(0);
    expect(bed.memory.events).toEqual([]);
    // the same request may succeed later
    delete services.terms.refusal;
    expect(await place(bed, orderRequest())).toMatchObject({ status: 'confirmed' });
  });

  it('and is refused with the time at which a closed shop opens', async () => {
    const services = new FakeServices();
    const opensAt = '2026-01-05T08:00:00.000Z';
    services.terms.refusal = refused('shop_closed', 'closed', { opensAt });
    expect(await refusalOf(openBed(services), orderRequest())).toMatchObject({
      details: { reason: 'shop_closed', opensAt },
    });
  });

  it('and fails if the shop does not answer', async () => {
    const services = new FakeServices();
    services.faults.set('priceOffers', [noAnswer(Code.UNAVAILABLE)]);
    expect(await refusalOf(openBed(services), orderRequest())).toMatchObject({
      code: Code.UNAVAILABLE,
    });
  });

  it('and keeps its price and goes on when the offer is withdrawn before the reservation', async () => {
    const services = new FakeServices();
    const bed = openBed(services);
    bed.sidecar.onEffect = async () => {
      services.terms.refusal = new MicroserviceError('no', Code.NOT_FOUND, {
        reason: 'offer_withdrawn',
        productId: 'pen',
      });
    };
    const order = await place(bed, orderRequest());
    expect(order).toMatchObject({ status: 'confirmed', totalAmount: { amount: '44.98' } });
    // a repetition of the same request does not ask again
    expect(await place(bed, orderRequest())).toMatchObject({ orderId: order.orderId });
  });

  it('that is closed and accepts the order determines when it is handled', async () => {
    const services = new FakeServices();
    services.terms.opensAt = '2026-01-05T08:00:00.000Z';
    const bed = openBed(services);
    const { orderId } = await place(bed, orderRequest());
    expect((await orderOf(bed, orderId)).handledFrom).toBe('2026-01-05T08:00:00.000Z');
    const scheduled = bed.memory.calls.find(({ method }) => method === 'schedule');
    expect(scheduled?.request).toMatchObject({ notBefore: { seconds: 1767600000n } });
  });
});

describe('the delivery of an order', () => {
  it('is priced before any money moves, and paid by the shop unless it says otherwise', async () => {
    const bed = openBed(new FakeServices());
    const order = await place(bed, orderRequest());
    expect(order.totalAmount).toMatchObject({ amount: '44.98' });
    expect(order.deliveryPrice).toBeUndefined();
    const methods = bed.memory.calls.map(({ method }) => method);
    expect(methods.indexOf('priceDelivery')).toBeLessThan(methods.indexOf('reserve'));
  });

  it('is part of the total if the buyer pays it', async () => {
    const services = new FakeServices();
    services.terms.deliveryPaidBy = 'buyer';
    const bed = openBed(services);
    const order = await place(bed, orderRequest());
    expect(order).toMatchObject({
      totalAmount: { amount: '49.88', currency: 'EUR' },
      deliveryPrice: { amount: '4.90', currency: 'EUR' },
    });
    const charge = bed.memory.calls.find(({ method }) => method === 'charge');
    expect(charge?.request).toMatchObject({ amount: { amount: '49.88' } });
    expect(bed.published(OrderCreated)).toMatchObject([
      { totalAmount: { amount: '49.88' }, deliveryPrice: { amount: '4.90' }, channel: 'online' },
    ]);
  });

  it('that has no price in the currency of the order is refused if the buyer pays it', async () => {
    const services = new FakeServices();
    services.terms = { deliveryPaidBy: 'buyer' };
    expect(await refusalOf(openBed(services), orderRequest())).toMatchObject({
      details: { reason: 'currency_mismatch', fields: [{ field: 'items' }] },
    });
  });

  it.each([
    ['deliveryAddress.country', { country: 'ZZ' }, undefined],
    ['deliveryAddress.country', { country: 'US', postalCode: '94103' }, 'country_not_served'],
    ['deliveryAddress.postalCode', { postalCode: '00000' }, undefined],
    ['deliveryAddress.postalCode', { country: 'LU' }, undefined],
  ])('is refused at once for an unreachable %s: %j', async (field, change, reason) => {
    const services = new FakeServices();
    const bed = openBed(services);
    const request = orderRequest();
    const deliveryAddress = { ...request.deliveryAddress, ...change };
    expect(await refusalOf(bed, { ...request, deliveryAddress })).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field }], ...(reason && { reason }) },
    });
    expect(services.stock.size + services.money.size).toBe(0);
    expect(bed.memory.documents.size).toBe(0);
  });

  it('has an address as the post writes it', async () => {
    const bed = openBed(new FakeServices());
    const request = orderRequest();
    const deliveryAddress = { ...request.deliveryAddress, country: 'LU', postalCode: 'L–1234' };
    await place(bed, { ...request, deliveryAddress });
    const scheduled = bed.memory.calls.find(({ method }) => method === 'schedule');
    expect(scheduled?.request).toMatchObject({ address: { country: 'LU', postalCode: '1234' } });
  });

  it.each([
    ['quote_expired', 'quoteId has expired'],
    ['quote_mismatch', 'quoteId is for another delivery'],
  ])('is refused if its quote does not hold: %s', async (quoteId, message) => {
    const bed = openBed(new FakeServices());
    const refusal = await refusalOf(bed, { ...orderRequest(), quoteId });
    expect(refusal).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { reason: quoteId, fields: [{ field: 'quoteId' }] },
    });
    expect(String(refusal)).toContain(message);
  });

  it.each(CHANNELS.filter((channel) => channel !== 'online'))(
    'does not exist for the channel %s, and its address is not stored',
    async (channel) => {
      const services = new FakeServices();
      services.terms.deliveryPaidBy = 'buyer';
      const bed = openBed(services);
      bed.injectFaults({ crashAfterEffect: 100 });
      const { deliveryId, orderId, totalAmount } = await place(bed, orderRequest({ channel }));
      expect(deliveryId).toBeUndefined();
      expect(totalAmount).toMatchObject({ amount: '44.98' });
      expect(services.delivery.size).toBe(0);
      expect(bed.memory.calls.some(({ appId }) => appId === 'delivery')).toBe(false);
      expect(JSON.stringify([...bed.memory.documents])).not.toContain('High Street');
      expect((await orderOf(bed, orderId)).status).toBe('confirmed');
    },
  );

  it('of a pickup order needs no address', async () => {
    const { deliveryAddress: _, ...request } = orderRequest({ channel: 'pickup' });
    expect(await place(openBed(new FakeServices()), request)).toMatchObject({
      status: 'confirmed',
      pickup: { status: 'preparing' },
    });
  });
});

it('a channel that does not exist is refused', async () => {
  const request = { ...orderRequest(), channel: 'pigeon' };
  expect(await refusalOf(openBed(new FakeServices()), request)).toMatchObject({
    details: { fields: [{ field: 'channel' }] },
  });
});

it('an order under the same key in another channel is another request', async () => {
  const bed = openBed(new FakeServices());
  await place(bed, orderRequest());
  expect(await refusalOf(bed, orderRequest({ channel: 'pickup' }))).toMatchObject({
    code: Code.INVALID_ARGUMENT,
  });
});
