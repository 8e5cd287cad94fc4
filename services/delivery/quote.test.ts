import { describe, expect, it } from '@jest/globals';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { Code } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { delivery, pricesByCurrency } from './definition';
import { QUOTE_MS } from './quote';
import { PERSONAL, address, as, dearer, empty } from './testing';

const wanted = { shopId: 'shop_1', address };
const anyone = as('anonymous', '');
const buyer = as('customer');
const eur = (amount: string) => ({ amount, currency: 'EUR' });

describe('a quote', () => {
  it('has the normal form of the address, a price, a date and a time until it is valid', async () => {
    const bed = empty();
    const request = { ...wanted, address: { ...address, country: 'LU', postalCode: 'L–1234' } };
    const quote = await bed.call('createQuote', request, anyone);
    expect(quote).toMatchObject({
      shopId: 'shop_1',
      destination: { country: 'LU', postalCode: '1234', city: 'Quiettown' },
      reachable: true,
      price: eur('9.90'),
    });
    expect(quote.quoteId).toMatch(/^quote_/);
    expect(timestampDate(quote.estimatedAt!).toISOString()).toBe('2026-01-08T18:00:00.000Z');
    expect(timestampDate(quote.validUntil!).getTime()).toBe(bed.clock.now() + QUOTE_MS);
  });

  it('is cheaper at home than abroad', async () => {
    const { price } = await empty().call('createQuote', wanted, anyone);
    expect(price).toMatchObject(eur('4.90'));
  });

  it('has no price in a currency that the carrier does not take', async () => {
    const quote = await empty().call('createQuote', { ...wanted, currency: 'JPY' }, anyone);
    expect(quote).toMatchObject({ reachable: true });
    expect(quote.price).toBeUndefined();
  });

  it('says why an address cannot be reached, and is not stored then', async () => {
    const bed = empty();
    const request = { ...wanted, address: { ...address, country: 'US', postalCode: '94103' } };
    const quote = await bed.call('createQuote', request, anyone);
    expect(quote).toMatchObject({ reachable: false, reason: 'country_not_served' });
    expect(quote.quoteId).toBeUndefined();
    expect(bed.memory.documents.size).toBe(0);
  });

  it.each([
    ['shopId', { shopId: '' }],
    ['address', { address: undefined }],
    ['address.country', { address: { ...address, country: 'ZZ' } }],
    ['address.postalCode', { address: { ...address, postalCode: '00000' } }],
    ['currency', { currency: 'euro' }],
  ])('names an invalid %s', async (field, part) => {
    await expect(empty().call('createQuote', { ...wanted, ...part }, anyone)).rejects.toMatchObject(
      {
        code: Code.INVALID_ARGUMENT,
        details: { fields: [expect.objectContaining({ field })] },
      },
    );
  });

  it('is stored without the address, and expires', async () => {
    const bed = empty();
    await bed.call('createQuote', wanted, anyone);
    const stored = [...bed.memory.documents.values()];
    expect(stored).toHaveLength(1);
    expect(JSON.stringify(stored)).not.toMatch(PERSONAL);
    expect(stored[0]?.expires).toBe(bed.clock.now() + QUOTE_MS);
  });

  it('is crash safe', async () => {
    await expectCrashSafe(empty, (bed) =>
      bed.call('createQuote', wanted, { ...anyone, id: 'quote' }),
    );
  });
});

describe('the price of a delivery for an order', () => {
  const order = { ...wanted, currency: 'EUR' };

  it('reads and writes nothing', async () => {
    const bed = empty();
    const priced = await bed.call('priceDelivery', order, buyer);
    expect(priced).toMatchObject({ reachable: true, price: eur('4.90') });
    expect(priced.quoteId).toBeUndefined();
    expect(bed.memory.documents.size).toBe(0);
  });

  it('is that of its quote, also after the prices have changed', async () => {
    const before = empty();
    const { quoteId } = await before.call('createQuote', wanted, anyone);
    const bed = dearer(before.memory);
    expect((await bed.call('priceDelivery', order, buyer)).price).toMatchObject(eur('6.00'));
    const quoted = await bed.call('priceDelivery', { ...order, quoteId }, buyer);
    expect(quoted.price).toMatchObject(eur('4.90'));
  });

  it('does not depend on the name of the recipient', async () => {
    const bed = empty();
    const { quoteId } = await bed.call('createQuote', wanted, anyone);
    const other = { ...order, quoteId, address: { ...address, name: 'Another' } };
    expect(await bed.call('priceDelivery', other, buyer)).toMatchObject({ reachable: true });
  });

  it.each([
    ['quote_expired', { quoteId: 'quote_unknown' }, 0],
    ['quote_expired', {}, QUOTE_MS],
    ['quote_mismatch', { shopId: 'shop_2' }, 0],
    ['quote_mismatch', { currency: 'USD' }, 0],
    ['quote_mismatch', { address: { ...address, line1: 'Other Street 2' } }, 0],
  ])('is refused with %s: %j after %i ms', async (reason, part, ms) => {
    const bed = empty();
    const { quoteId } = await bed.call('createQuote', wanted, anyone);
    bed.clock.advance(ms);
    await expect(
      bed.call('priceDelivery', { ...order, quoteId, ...part }, buyer),
    ).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION, details: { reason } });
  });

  it('begins when the shop hands over the parcel', async () => {
    const notBefore = { seconds: BigInt(Date.parse('2026-01-05T08:00:00Z') / 1000), nanos: 0 };
    const priced = await empty().call('priceDelivery', { ...order, notBefore }, buyer);
    expect(timestampDate(priced.estimatedAt!).toISOString()).toBe('2026-01-07T18:00:00.000Z');
  });

  it('is for buyers who are signed in', async () => {
    await expect(empty().call('priceDelivery', order, anyone)).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
    });
  });
});

describe('the prices of the carrier', () => {
  const Prices = z.string().transform(pricesByCurrency);

  it('are read from the environment', () => {
    const { config } = delivery.definition;
    const prices = config.shape.DELIVERY_PRICES.parse(undefined);
    expect(prices.get('EUR')).toEqual({ home: eur('4.90'), abroad: eur('9.90') });
    expect(prices.get('HUF')).toMatchObject({ home: { amount: '1990.00' } });
  });

  it.each(['EUR', 'EUR=4.90', 'ZZZ=1/2', 'EUR=0/1', 'EUR=a/b', ''])(
    'are refused if they are malformed: "%s"',
    (text) => {
      expect(Prices.safeParse(text).success).toBe(false);
    },
  );
});
