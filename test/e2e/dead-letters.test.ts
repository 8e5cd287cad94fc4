import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { deterministicId } from '#kit/core/deterministic-id';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { until } from '../harness/until';
import { eventsOf } from './bus';
import {
  DeadLetter,
  DeadLetters,
  Notifications,
  Nothing,
  Product,
  Profile,
  Replayed,
} from './edge';
import { Market, PRICE, SHOP } from './market';

let market: Market;

beforeAll(async () => {
  market = await Market.open();
});

afterAll(() => market.close());

const at = (service: string, id = '') => `/admin/dead-letters/${service}${id && `/${id}`}`;

const letterAbout = (service: string, subject: string, withinMs?: number) =>
  until(
    `a dead letter of ${service} about ${subject}`,
    async () => {
      const { items } = await market.admin.get(DeadLetters, at(service));
      return items.find((letter) => letter.subject.includes(subject));
    },
    withinMs,
  );

describe('stock that comes before its product', () => {
  const key = randomUUID();
  let productId: string;
  let letter: DeadLetter;

  beforeAll(async () => {
    const { userId } = await market.admin.get(Profile, '/users/profile');
    productId = idOfProduct(userId, key);
    await market.stockUp(productId, 7);
    letter = await letterAbout('product', productId);
  });

  test('is a dead letter with its reason, which can be listed', () => {
    expect(letter).toMatchObject({
      type: 'product.stock.updated',
      source: 'inventory',
      reason: 'not_found',
      message: 'product not found',
      attempts: 1,
      replayCount: 0,
    });
    expect(letter.event).toBeUndefined();
  });

  test('is shown with its whole event', async () => {
    const { event } = await market.admin.get(DeadLetter, at('product', letter.id));
    expect(event).toMatchObject({ id: letter.id, data: { productId, newStock: 7 } });
  });

  test('fails again as long as nothing is mended', async () => {
    const path = `${at('product', letter.id)}/replay`;
    const { succeeded, deadLetter } = await market.admin.ask(Replayed, 200, 'POST', path);
    expect(succeeded).toBe(false);
    expect(deadLetter).toMatchObject({ replayCount: 1, reason: 'not_found' });
  });

  test('has its effect when it is replayed after the mending, and is gone', async () => {
    const body = { name: 'Pen', description: 'Blue.', category: 'office', price: PRICE };
    const headers = { 'idempotency-key': key };
    const created = await market.admin.ask(Product, 201, 'POST', '/products', { body, headers });
    expect(created).toMatchObject({ productId, availability: 'unknown' });
    const path = `${at('product', letter.id)}/replay`;
    expect(await market.admin.ask(Replayed, 200, 'POST', path)).toEqual({ succeeded: true });
    const product = await market.stranger.get(Product, `/products/${productId}`);
    expect(product.availability).toBe('in_stock');
    await market.admin.refused(404, 'GET', at('product', letter.id));
  });

  test('is there once: a replay said no event again', async () => {
    const events = await eventsOf(market.world);
    const about = events.filter(({ subject }) => subject.includes(productId));
    expect(about.map(({ type }) => type).sort()).toEqual(
      ['product.create', 'product.created', 'product.stock.updated', 'stock.adjust'].sort(),
    );
    expect(await market.stock(productId)).toEqual({ available: 7, reserved: 0 });
  });
});

describe('an event that cannot be read', () => {
  const subject = `${SHOP}:product_${randomUUID()}`;
  let letter: DeadLetter;

  beforeAll(async () => {
    await market.world.publish({
      specversion: '1.0',
      id: randomUUID(),
      type: 'product.stock.updated',
      source: 'inventory',
      subject,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      eventversion: 1,
      data: { shopId: SHOP, newStock: 'many' },
    });
    letter = await letterAbout('product', subject);
  });

  test('is a dead letter that names what was wrong in it', () => {
    expect(letter.reason).toBe('unreadable');
    expect(letter.message).toContain('newStock');
    expect(letter.message).toContain('productId');
  });

  test('does not stop what comes after it', async () => {
    const productId = await market.product(3);
    await until('the next stock', async () => {
      const product = await market.stranger.get(Product, `/products/${productId}`);
      return product.availability !== 'unknown';
    });
  });

  test('is gone when it is discarded', async () => {
    await market.admin.ask(Nothing, 200, 'DELETE', at('product', letter.id));
    const { items } = await market.admin.get(DeadLetters, at('product'));
    expect(items.filter(({ id }) => id === letter.id)).toEqual([]);
  });
});

describe('what could not be told while a service was down', () => {
  test('is told, once, when its dead letter is replayed', async () => {
    const shopper = await market.shopper();
    const productId = await market.product(3);
    const user = market.world.app('user');
    await user.service?.stop();
    const { orderId } = await shopper.buys(productId);
    const letter = await until(
      'the dead letter of the confirmation',
      async () => {
        const { items } = await market.admin.get(DeadLetters, `${at('notification')}?limit=100`);
        return items.find(({ type, subject }) => type === 'order.confirmed' && subject === orderId);
      },
      60_000,
    );
    expect(letter.attempts).toBeGreaterThan(1);

    user.service?.start();
    await user.ready();
    const path = `${at('notification', letter.id)}/replay`;
    const replay = () => market.admin.ask(Replayed, 200, 'POST', path);
    await until('a replay that succeeds', async () => (await replay()).succeeded, 60_000);
    const { items } = await shopper.get(Notifications, '/notifications?limit=100');
    const told = items.filter(({ eventType }) => eventType === 'order.confirmed');
    expect(new Set(told.map(({ channel }) => channel)).size).toBe(told.length);
    expect(told.length).toBeGreaterThan(0);
  });
});

test('dead letters are for admins only', async () => {
  const shopper = await market.shopper();
  await shopper.refused(403, 'GET', at('product'));
  await market.stranger.refused(401, 'GET', at('product'));
});

/** The id that a product gets which is made under this key: known before it is there. */
function idOfProduct(adminId: string, key: string): string {
  const request = deterministicId('default', adminId, 'POST', '/products', key);
  const { parent, name } = ProductService.method.createProduct;
  const call = deterministicId(request, 'call', `product/${parent.typeName}/${name}`, 0);
  return `product_${deterministicId(call, 'product', 'product', 0)}`;
}
