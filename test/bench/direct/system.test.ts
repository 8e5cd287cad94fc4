import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { HealthReport } from '../../../services/gateway/backends/health-report';
import { apps } from '../../../services/gateway/definition';
import { Delivery, Notifications, Order, Orders, Payment, Product, Stock } from '../../e2e/edge';
import { SHOP, Shopper, paidWith } from '../../e2e/fixtures';
import { ORDER_FLOW, TEST_ENV } from '../../harness/system';
import { addCustomer, addProduct, signedIn } from '../shop';
import { startDirect } from './system';

// The directly wired services are comparable with the real ones only if they do the same work.

// hashing passwords takes a while on a busy machine
jest.setTimeout(60_000);

let system: Awaited<ReturnType<typeof startDirect>>;
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'omnichannel-direct-'));
  system = await startDirect({
    PORT: '0',
    LOG_LEVEL: 'silent',
    USER_KEY_FILE: join(folder, 'user-key'),
    DEVICE_KEY_FILE: join(folder, 'device-key'),
    ...TEST_ENV,
  });
});
afterEach(async () => {
  await system.close();
  rmSync(folder, { recursive: true });
});

async function market() {
  const admin = await signedIn(system.url);
  const productId = await addProduct(admin);
  const { token, userId } = await addCustomer(system.url);
  const stockPath = `/inventory/${SHOP}/${productId}`;
  const before = await admin.get(Stock, stockPath);
  return {
    shopper: new Shopper(system.url, token, userId, ''),
    productId,
    /** The pieces sold and reserved. */
    gone: async () => {
      const { available, reserved } = await admin.get(Stock, stockPath);
      return { sold: before.available - available - reserved, reserved };
    },
  };
}

test('all services of an order are there, so that the gateway keeps calling them', async () => {
  const answer = await fetch(`${system.url}/api/v1/health/detailed`);
  const { data } = z.object({ data: HealthReport }).parse(await answer.json());
  const away = data.services.filter(({ status }) => status !== 'healthy');
  const others = [...apps].filter((app) => !ORDER_FLOW.some((id) => id === app));
  expect(away.map(({ service }) => service)).toEqual(others);
});

test('an order is confirmed, and every service has recorded it', async () => {
  const { shopper, productId, gone } = await market();
  const order = await shopper.buyConfirmed(productId);
  await system.settled();
  expect(order.status).toBe('confirmed');
  expect(await gone()).toEqual({ sold: 1, reserved: 0 });
  expect(await shopper.get(Payment, `/payments/${order.paymentId!}`)).toMatchObject({
    status: 'captured',
    amount: order.totalAmount,
  });
  expect(await shopper.get(Delivery, `/deliveries/${order.orderId}`)).toMatchObject({
    status: 'scheduled',
  });
  expect(await shopper.get(Orders, '/orders')).toMatchObject({ total: 1 });
  const { items } = await shopper.get(Notifications, '/notifications');
  expect(items.map(({ eventType }) => eventType)).toContain('order.confirmed');
  expect(await shopper.get(Product, `/products/${productId}`)).toMatchObject({
    availability: 'in_stock',
  });
});

test('a declined order is cancelled, and every effect of it is compensated', async () => {
  const { shopper, productId, gone } = await market();
  const orderId = await shopper.buyCancelled('payment_failed', productId, paidWith('tok_declined'));
  await system.settled();
  expect(await shopper.get(Order, `/orders/${orderId}`)).toMatchObject({ status: 'cancelled' });
  expect(await gone()).toEqual({ sold: 0, reserved: 0 });
});
