import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { deterministicId } from '#kit/core/deterministic-id';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { inProject } from '../../scripts/start/project.mjs';
import { ADMIN } from '../harness/system';
import { until } from '../harness/until';
import { eventsOf } from './bus';
import {
  DeadLetter,
  DeadLetters,
  Notifications,
  Nothing,
  Order,
  Product,
  Profile,
  Replayed,
} from './edge';
import { SystemFixture, PRICE, SHOP, orderBody } from './fixtures';

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

describe('an event whose handler needs a service that is down', () => {
  test('waits and is handled once when the service is back, and needs no operator', async () => {
    const shopper = await fixture.shopper();
    const productId = await fixture.product(3);
    const user = fixture.system.app('user');
    await user.service?.stop();
    const { orderId } = await shopper.buyConfirmed(productId);
    const waiting = await until(
      'the confirmation to wait',
      () => waitingFor('notification', 'user'),
      60_000,
    );
    expect(waiting).toMatchObject({ service: 'notification', reason: expect.any(String) });

    user.service?.start();
    await user.ready();
    const sent = await until(
      'the notification',
      async () => {
        const { items } = await shopper.get(Notifications, '/notifications?limit=100');
        const found = items.filter(({ eventType }) => eventType === 'order.confirmed');
        return found.length > 0 && found;
      },
      60_000,
    );
    expect(new Set(sent.map(({ channel }) => channel)).size).toBe(sent.length);
    const { items } = await fixture.admin.get(DeadLetters, `${at('notification')}?limit=100`);
    expect(items.filter(({ subject }) => subject === orderId)).toEqual([]);
  });
});

describe('npm run deadletters', () => {
  test('tells what waits for a dependency from what needs a person', async () => {
    // the service of users may have returned a moment ago
    const shopper = await until('a shopper', () => fixture.shopper(), 60_000);
    const productId = await fixture.product(3);
    const payment = fixture.system.app('payment');
    await payment.service?.stop();
    // it is answered before the client gives up, although it is not decided
    const body = orderBody(productId);
    const ordering = shopper.ask(Order, 202, 'POST', '/orders', { body });
    const unknown = `product_${randomUUID()}`;
    await fixture.system.publish(stockEvent(unknown, 1));
    const letter = await letterAbout('product', unknown);
    const isWaiting = () => waitingFor('order', 'payment');
    await until('the order to wait for payment', isWaiting, 60_000);
    expect(await deadLetters('list', 'order')).toMatch(
      /^Waiting for a dependency, nothing to do:\norder {2}1 event waits for payment since [^\n]+\nNo dead letters\.\n$/,
    );
    const Listed = z.object({
      deadLetters: z.array(DeadLetter.extend({ service: z.string() })),
      waiting: z.array(Waiting),
    });
    const listed = Listed.parse(JSON.parse(await deadLetters('list', 'product', '--json')));
    expect(listed.waiting).toEqual([]);
    expect(listed.deadLetters.map(({ id }) => id)).toContain(letter.id);

    const { orderId } = await ordering;
    payment.service?.start();
    await payment.ready();
    const decided = await until(
      'the order to be decided',
      async () => {
        const order = await shopper.get(Order, `/orders/${orderId}`);
        return ['confirmed', 'cancelled'].includes(order.status) && order;
      },
      60_000,
    );
    // a charge whose outcome is unknown for 15 s is undone, so that its items do not stay reserved
    const cancelled = { status: 'cancelled', reason: 'payment_unknown' };
    expect([{ status: 'confirmed', reason: undefined }, cancelled]).toContainEqual({
      status: decided.status,
      reason: decided.reason,
    });
    const isDone = async () => !(await isWaiting());
    await until('no event to wait', isDone, 60_000);
  });

  test('replays all dead letters of a reason and type', async () => {
    const { userId } = await fixture.admin.get(Profile, '/users/profile');
    const keys = [randomUUID(), randomUUID()];
    const productIds = keys.map((key) => idOfProduct(userId, key));
    for (const productId of productIds) {
      await fixture.system.publish(stockEvent(productId, 7));
      await letterAbout('product', productId);
    }
    const body = { name: 'Pen', description: 'Blue.', category: 'office', price: PRICE };
    for (const key of keys) {
      const headers = { 'idempotency-key': key };
      await fixture.admin.ask(Product, 201, 'POST', '/products', { body, headers });
    }
    const only = ['--reason', 'not_found', '--type', 'product.stock.updated'];
    await deadLetters('replay', 'product', '--all', ...only);
    for (const productId of productIds) {
      await until('the stock to be known', async () => {
        const product = await fixture.anonymous.get(Product, `/products/${productId}`);
        return product.availability === 'in_stock';
      });
    }
    const { items } = await fixture.admin.get(DeadLetters, `${at('product')}?limit=100`);
    const left = items.filter(({ subject }) => productIds.some((id) => subject.includes(id)));
    expect(left).toEqual([]);
  });
});

const Waiting = z.object({
  service: z.string(),
  dependency: z.string(),
  events: z.number(),
  since: z.string(),
  reason: z.string(),
  message: z.string(),
});

/** Runs the command as an operator does; returns what it prints. */
async function deadLetters(...args: string[]): Promise<string> {
  const { email: ADMIN_EMAIL, password: ADMIN_PASSWORD } = ADMIN;
  const env = { ...process.env, GATEWAY_URL: fixture.url, ADMIN_EMAIL, ADMIN_PASSWORD };
  const script = inProject('scripts', 'deadletters.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], { env });
  return stdout;
}

/** The events of a service that wait for a dependency. */
async function waitingFor(service: string, dependency: string) {
  const Parked = z.object({ items: z.array(Waiting.omit({ service: true })) });
  const { items } = await fixture.admin.get(Parked, `/admin/parked-events/${service}`);
  const found = items.find((waiting) => waiting.dependency === dependency);
  return found && { service, ...found };
}

test('dead letters and parked events are for admins only', async () => {
  const shopper = await fixture.shopper();
  await shopper.refused(403, 'GET', at('product'));
  await shopper.refused(403, 'GET', '/admin/parked-events/product');
  await shopper.refused(403, 'POST', '/admin/dead-letter-replays/product', { body: {} });
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
