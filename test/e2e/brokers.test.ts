import { afterEach, describe, expect, test } from '@jest/globals';
import type { Bus, State } from '../harness/transports';
import { until } from '../harness/until';
import { Notifications } from './edge';
import { Market } from './market';

let market: Market | undefined;

afterEach(async () => {
  await market?.close();
  market = undefined;
});

describe('an order is confirmed, and its customer hears of it', () => {
  const systems: [Bus, State][] = [
    ['rabbitmq', 'sqlite'],
    ['kafka', 'sqlite'],
    ['redis', 'postgresql'],
    ['redis', 'redis'],
  ];

  test.each(systems)('over %s, with its documents in %s', async (bus, state) => {
    market = await Market.open({ bus, state });
    const shopper = await market.shopper();
    const productId = await market.product(10);
    const { orderId, status } = await shopper.buys(productId);
    expect(status).toBe('confirmed');
    expect(await market.stock(productId)).toEqual({ available: 9, reserved: 0 });
    await until('the message of the order', async () => {
      const { items } = await shopper.get(Notifications, '/notifications?limit=100');
      const about = items.filter(({ subject, text }) => (subject + text).includes(orderId));
      return about.find(({ eventType }) => eventType === 'order.confirmed');
    });

    const foreign = { specversion: '1.0', id: orderId, type: 'order.confirmed', source: 'payment' };
    await expect(market.world.publish(foreign)).rejects.toThrow(/not published: 403/);
  });
});
