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
import { SystemFixture, PRICE, SHOP } from './fixtures';

let fixture: SystemFixture;

beforeAll(async () => {
  fixture = await SystemFixture.open();
});

afterAll(() => fixture.close());

const at = (service: string, id = '') => `/admin/dead-letters/${service}${id && `/${id}`}`;

const letterAbout = (service: string, subject: string, withinMs?: number) =>
  until(
    `a dead letter of ${service} about ${subject}`,
    async () => {
      const { items } = await fixture.admin.get(DeadLetters, at(service));
      return items.find((letter) => letter.subject.includes(subject));
    },
    withinMs,
  );

describe('a stock event that arrives before its product exists', () => {
  const key = randomUUID();
  let productId: string;
  let letter: DeadLetter;

  beforeAll(async () => {
    const { userId } = await fixture.admin.get(Profile, '/users/profile');
    productId = idOfProduct(userId, key);
    // inventory books no stock of an unknown product, so that only another publisher can be so early
    await fixture.system.publish(stockEvent(productId, 7));
    letter = await letterAbout('product', productId);
  });

  test('is listed as a dead letter with its reason', () => {
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
    const { event } = await fixture.admin.get(DeadLetter, at('product', letter.id));
    expect(event).toMatchObject({ id: letter.id, data: { productId, newStock: 7 } });
  });

  test('fails again when it is replayed before the cause is fixed', async () => {
    const path = `${at('product', letter.id)}/replay`;
    const { succeeded, deadLetter } = await fixture.admin.ask(Replayed, 200, 'POST', path);
    expect(succeeded).toBe(false);
    expect(deadLetter).toMatchObject({ replayCount: 1, reason: 'not_found' });
  });

  test('takes effect when it is replayed after the fix, and is removed', async () => {
    const body = { name: 'Pen', description: 'Blue.', category: 'office', price: PRICE };
    const headers = { 'idempotency-key': key };
    const created = await fixture.admin.ask(Product, 201, 'POST', '/products', { body, headers });
    expect(created).toMatchObject({ productId, availability: 'unknown' });
    const path = `${at('product', letter.id)}/replay`;
    expect(await fixture.admin.ask(Replayed, 200, 'POST', path)).toEqual({ succeeded: true });
    const product = await fixture.anonymous.get(Product, `/products/${productId}`);
    expect(product.availability).toBe('in_stock');
    await fixture.admin.refused(404, 'GET', at('product', letter.id));
  });

  test('took effect once: the replay published no event a second time', async () => {
    const events = await eventsOf(fixture.system);
    const about = events.filter(({ subject }) => subject.includes(productId));
    expect(about.map(({ type }) => type).sort()).toEqual(
      ['product.create', 'product.created', 'product.stock.updated'].sort(),
    );
  });
});

describe('an invalid event', () => {
  const subject = `${SHOP}:product_${randomUUID()}`;
  let letter: DeadLetter;

  beforeAll(async () => {
    await fixture.system.publish({
      ...stockEvent(subject, 1),
      subject,
      data: { shopId: SHOP, newStock: 'many' },
    });
    letter = await letterAbout('product', subject);
  });

  test('is a dead letter that names the invalid field', () => {
    expect(letter.reason).toBe('unreadable');
    expect(letter.message).toContain('newStock');
    expect(letter.message).toContain('productId');
  });

  test('does not block the events behind it', async () => {
    const productId = await fixture.product(3);
    await until('the next stock event', async () => {
      const product = await fixture.anonymous.get(Product, `/products/${productId}`);
      return product.availability !== 'unknown';
    });
  });

  test('is removed when it is discarded', async () => {
    await fixture.admin.ask(Nothing, 200, 'DELETE', at('product', letter.id));
    const { items } = await fixture.admin.get(DeadLetters, at('product'));
    expect(items.filter(({ id }) => id === letter.id)).toEqual([]);
  });
});

describe('a notification whose user could not be read', () => {
  test('is sent once when its dead letter is replayed', async () => {
    const shopper = await fixture.shopper();
    const productId = await fixture.product(3);
    const user = fixture.system.app('user');
    await user.service?.stop();
    const { orderId } = await shopper.buyConfirmed(productId);
    const letter = await until(
      'the dead letter of the confirmation',
      async () => {
        const { items } = await fixture.admin.get(DeadLetters, `${at('notification')}?limit=100`);
        return items.find(({ type, subject }) => type === 'order.confirmed' && subject === orderId);
      },
      60_000,
    );
    expect(letter.attempts).toBeGreaterThan(1);

    user.service?.start();
    await user.ready();
    const path = `${at('notification', letter.id)}/replay`;
    const replay = () => fixture.admin.ask(Replayed, 200, 'POST', path);
    await until('a replay that succeeds', async () => (await replay()).succeeded, 60_000);
    const { items } = await shopper.get(Notifications, '/notifications?limit=100');
    const notifications = items.filter(({ eventType }) => eventType === 'order.confirmed');
    expect(new Set(notifications.map(({ channel }) => channel)).size).toBe(notifications.length);
    expect(notifications.length).toBeGreaterThan(0);
  });
});

test('dead letters are for admins only', async () => {
  const shopper = await fixture.shopper();
  await shopper.refused(403, 'GET', at('product'));
  await fixture.anonymous.refused(401, 'GET', at('product'));
});

function stockEvent(productId: string, newStock: number) {
  return {
    specversion: '1.0',
    id: randomUUID(),
    type: 'product.stock.updated',
    source: 'inventory',
    subject: `${SHOP}:${productId}`,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    eventversion: 1,
    sequence: 1,
    data: {
      shopId: SHOP,
      productId,
      newStock,
      previousStock: 0,
      change: newStock,
      reason: 'counted',
    },
  };
}

/** The id of the product that is created under this key, known before it exists. */
function idOfProduct(adminId: string, key: string): string {
  const request = deterministicId('default', adminId, 'POST', '/products', key);
  const { parent, name } = ProductService.method.createProduct;
  const call = deterministicId(request, 'call', `product/${parent.typeName}/${name}`, 0);
  return `product_${deterministicId(call, 'product', 'product', 0)}`;
}
