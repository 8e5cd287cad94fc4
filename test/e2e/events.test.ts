import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Market, SHOP, ADDRESS } from './market';
import { LoggedIn } from './edge';
import { ADMIN } from '../harness/system';

// The events of an order, through two sidecars: what the edge itself does with them, and what the
// order service sees, is tested beside them.

let market: Market;
beforeAll(async () => {
  market = await Market.open();
});
afterAll(() => market.close());

test('an order is followed from pending to its end, and longer than a call may take', async () => {
  const productId = await market.product(5);
  const login = { body: ADMIN };
  const { token } = await market.stranger.ask(LoggedIn, 200, 'POST', '/auth/login', login);
  const order = await market.admin.send('POST', '/orders', {
    headers: { prefer: 'respond-async' },
    body: {
      ...{ shopId: SHOP, items: [{ productId, quantity: 1 }], deliveryAddress: ADDRESS },
      payment: { method: 'card', token: 'tok_ok' },
    },
  });
  expect(order.status).toBe(202);
  const { orderId } = (JSON.parse(order.text) as { data: { orderId: string } }).data;
  const path = `/orders/${orderId}/events`;
  const answer = await fetch(`${market.url}/api/v1${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(answer.status).toBe(200);
  let text = '';
  const ids = () => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
  let cancelled = false;
  for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    // a heartbeat comes after 15 s, and a third one is past every deadline of a call
    if (!cancelled && text.split('\n:\n').length > 3) {
      cancelled = true;
      await market.admin.send('POST', `/orders/${orderId}/cancel`, { body: {} });
    }
  }
  // it ends by itself
  expect(ids().at(-1)).toBe('cancelled');
  expect(ids()).toContain('confirmed');
  expect(cancelled).toBe(true);

  const shopper = await market.shopper();
  await shopper.refused(404, 'GET', path);
});
