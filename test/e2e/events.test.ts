import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SystemFixture, SHOP, ADDRESS } from './fixtures';
import { LoggedIn } from './edge';
import { ADMIN } from '../harness/system';

// The event stream of an order, through two sidecars. The edge's and the order service's own parts are
// tested in these services.

let fixture: SystemFixture;
beforeAll(async () => {
  fixture = await SystemFixture.open();
});
afterAll(() => fixture.close());

test('the stream follows an order from pending to its end, for longer than a call may take', async () => {
  const productId = await fixture.product(5);
  const login = { body: ADMIN };
  const { token } = await fixture.anonymous.ask(LoggedIn, 200, 'POST', '/auth/login', login);
  const order = await fixture.admin.send('POST', '/orders', {
    headers: { prefer: 'respond-async' },
    body: {
      ...{ shopId: SHOP, items: [{ productId, quantity: 1 }], deliveryAddress: ADDRESS },
      payment: { method: 'card', token: 'tok_ok' },
    },
  });
  expect(order.status).toBe(202);
  const { orderId } = (JSON.parse(order.text) as { data: { orderId: string } }).data;
  const path = `/orders/${orderId}/events`;
  const answer = await fetch(`${fixture.url}/api/v1${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(answer.status).toBe(200);
  let text = '';
  const ids = () => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
  let cancelled = false;
  for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    // a heartbeat comes every 15 s, and the third one is after any deadline of a call
    if (!cancelled && text.split('\n:\n').length > 3) {
      cancelled = true;
      await fixture.admin.send('POST', `/orders/${orderId}/cancel`, { body: {} });
    }
  }
  // the stream ends by itself
  expect(ids().at(-1)).toBe('cancelled');
  expect(ids()).toContain('confirmed');
  expect(cancelled).toBe(true);

  const shopper = await fixture.shopper();
  await shopper.refused(404, 'GET', path);
});
