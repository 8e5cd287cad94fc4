import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { OrderCreated, PlaceOrder } from '#contracts/order';
import { expectCrashSafe } from './crash-safety';
import { type ContextOf, Service } from '../service/service';
import { testbed } from './testbed';

const Counted = z.object({ orderId: z.string(), count: z.number() });
const price = { amount: '1.00', currency: 'EUR' };
const created = (orderId: string) => ({
  orderId,
  shopId: 'shop_1',
  userId: 'user_1',
  items: [{ productId: 'product_1', quantity: 1, unitPrice: price }],
  totalAmount: price,
});

const definition = {
  endpoints: ['outside'],
  stores: { counts: Counted, others: Counted },
  publishes: [OrderCreated],
} as const;
type Context = ContextOf<Service<typeof definition>>;

/** Checks a handler as the handler of a command. */
async function check(handle: (orderId: string, context: Context) => Promise<void>): Promise<void> {
  const service = new Service('order', definition);
  service.on(PlaceOrder, ({ orderId }, context) => handle(orderId, context));
  await expectCrashSafe(
    () => testbed(service, { endpoints: { outside: () => ({ status: 200, body: {} }) } }),
    (bed) => bed.handleEvent(PlaceOrder, { orderId: 'order_1' }, { id: 'command_1' }),
  );
}

const increment = (orderId: string) => (now: { count: number } | undefined) => ({
  orderId,
  count: (now?.count ?? 0) + 1,
});

describe('expectCrashSafe', () => {
  it('accepts a handler that changes documents and then publishes', async () => {
    await check(async (orderId, { counts, others, publish }) => {
      await counts.update(orderId, increment(orderId));
      await others.update(orderId, increment(orderId));
      await publish(OrderCreated, created(orderId));
    });
  });

  it('rejects an event that is lost by a crash between change and publish', async () => {
    const unsafe = check(async (orderId, { counts, publish }) => {
      const before = await counts.get(orderId);
      await counts.update(orderId, increment(orderId));
      if (before === undefined) await publish(OrderCreated, created(orderId));
    });
    await expect(unsafe).rejects.toThrow('killed after effect 1 of 4');
  });

  it('rejects a key that differs in a redelivery', async () => {
    const unsafe = check(async (_, { counts }) => {
      const key = `order_${String(Math.random()).slice(2)}`;
      await counts.update(key, () => ({ orderId: 'order_1', count: 1 }));
    });
    await expect(unsafe).rejects.toThrow();
  });

  it('rejects a decision on a value that was read before the change', async () => {
    const unsafe = check(async (orderId, { counts, others }) => {
      const read = await counts.get(orderId);
      await counts.update(orderId, increment(orderId));
      await others.update(orderId, () => ({ orderId, count: read?.count ?? 0 }));
    });
    await expect(unsafe).rejects.toThrow('killed after effect 1 of 4');
  });

  it('rejects work that is acknowledged before its event is published', async () => {
    const unsafe = check(async (orderId, { counts, publish, clock }) => {
      await counts.update(orderId, increment(orderId));
      void clock
        .sleep(1_000)
        .then(() => publish(OrderCreated, created(orderId)))
        .catch(() => undefined);
    });
    await expect(unsafe).rejects.toThrow('killed');
  });

  it('accepts a repeated request to an endpoint with the same key', async () => {
    await check(async (orderId, { counts, endpoints }) => {
      await endpoints.outside.request({ method: 'POST', path: '/things' });
      await counts.update(orderId, increment(orderId));
    });
  });

  it('rejects a repeated request to an endpoint with another key', async () => {
    const unsafe = check(async (orderId, { counts, endpoints }) => {
      const headers = { 'idempotency-key': String(Math.random()) };
      await endpoints.outside.request({ method: 'POST', path: '/things', headers });
      await counts.update(orderId, increment(orderId));
    });
    await expect(unsafe).rejects.toThrow('killed after effect 1 of 4');
  });

  it('rejects work without an effect, because it would test nothing', async () => {
    await expect(check(() => Promise.resolve())).rejects.toThrow('no effect');
  });
});
