import { afterEach, describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { request } from 'undici';
import { notFound } from '#kit/core/errors';
import { type Edge, openEdge } from '../testing/edge';

let edge: Edge;
afterEach(() => edge.close());

interface OrderState {
  readonly orderId: string;
  readonly status: string;
}

/** A fake order whose watchers receive each status that the test publishes, until it ends. */
function watchedOrder() {
  const waiting: (() => void)[] = [];
  const states: OrderState[] = [];
  let isOver = false;
  let watchers = 0;
  const wake = () => {
    for (const each of waiting.splice(0)) each();
  };
  return {
    publish: (status: string) => {
      states.push({ orderId: 'order_1', status });
      wake();
    },
    end: () => {
      isOver = true;
      wake();
    },
    watchers: () => watchers,
    async *watchOrder(_: object, { signal }: { signal: AbortSignal }) {
      signal.addEventListener('abort', wake);
      watchers++;
      try {
        for (let at = 0; !signal.aborted;) {
          const order = states[at];
          if (order !== undefined) {
            at++;
            yield { order };
          } else if (isOver) return;
          else await new Promise<void>((resolve) => waiting.push(resolve));
        }
      } finally {
        watchers--;
      }
    },
  };
}

async function subscribe(headers: Record<string, string> = {}) {
  const token = await edge.token();
  const closing = new AbortController();
  const response = await request(`http://127.0.0.1:${edge.port}/api/v1/orders/order_1/events`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
    signal: closing.signal,
  });
  let text = '';
  const ended = (async () => {
    for await (const chunk of response.body.setEncoding('utf8')) text += String(chunk);
  })();
  ended.catch(() => undefined);
  const ids = () => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
  const expectIds = async (...expected: string[]) => {
    while (ids().length < expected.length) await turn();
    expect(ids()).toEqual(expected);
  };
  return {
    response,
    ended,
    expectIds,
    close: () => {
      closing.abort();
    },
    text: () => text,
  };
}

describe('the event stream of an order', () => {
  it('sends events as they happen, and ends when no more can follow', async () => {
    const order = watchedOrder();
    edge = await openEdge({ order });
    order.publish('pending');
    const subscriber = await subscribe({ 'accept-encoding': 'gzip' });
    await subscriber.expectIds('pending');
    expect(subscriber.response.statusCode).toBe(200);
    expect(subscriber.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
    });
    order.publish('confirmed');
    await subscriber.expectIds('pending', 'confirmed');
    order.end();
    await subscriber.ended;
    const [, first] = subscriber.text().split('\n\n');
    const [id, event, data = ''] = first?.split('\n') ?? [];
    expect([id, event]).toEqual(['id: pending', 'event: status']);
    expect(JSON.parse(data.replace('data: ', ''))).toMatchObject({
      orderId: 'order_1',
      status: 'pending',
      items: [],
    });
    expect(order.watchers()).toBe(0);
  });

  it('continues after the last event received', async () => {
    const order = watchedOrder();
    edge = await openEdge({ order });
    order.publish('confirmed');
    const subscriber = await subscribe({ 'last-event-id': 'confirmed' });
    order.publish('cancelling');
    await subscriber.expectIds('cancelling');
    order.end();
    await subscriber.ended;
  });

  it('responds 204 if no event can follow the last one received, so that the client stops', async () => {
    const order = watchedOrder();
    edge = await openEdge({ order });
    order.publish('cancelled');
    order.end();
    const { response, ended, text } = await subscribe({ 'last-event-id': 'cancelled' });
    expect(response.statusCode).toBe(204);
    await ended;
    expect(text()).toBe('');
    // a client that missed the last event gets it
    const other = await subscribe({ 'last-event-id': 'pending' });
    await other.expectIds('cancelled');
    await other.ended;
  });

  it('is opened for a client that has the last event, before another one', async () => {
    const order = watchedOrder();
    edge = await openEdge({ order });
    order.publish('pending');
    const { response, close } = await subscribe({ 'last-event-id': 'pending' });
    expect(response.statusCode).toBe(200);
    close();
  });

  it('is limited to 20 for each user, without affecting others', async () => {
    const order = watchedOrder();
    edge = await openEdge({ order });
    order.publish('pending');
    const tabs = await Promise.all(Array.from({ length: 20 }, () => subscribe()));
    expect(tabs.every(({ response }) => response.statusCode === 200)).toBe(true);
    const refused = await subscribe();
    expect(refused.response.statusCode).toBe(429);
    expect(refused.response.headers).toMatchObject({ 'retry-after': '5' });
    const bob = await subscribe({ authorization: `Bearer ${await edge.token({ sub: 'bob' })}` });
    await bob.expectIds('pending');
    tabs[0]?.close();
    while (order.watchers() > 20) await turn();
    const again = await subscribe();
    await again.expectIds('pending');
    for (const { close } of [...tabs, bob, again]) close();
  });

  it('ends in the service once the client disconnects', async () => {
    const order = watchedOrder();
    edge = await openEdge({ order });
    order.publish('pending');
    const subscriber = await subscribe();
    await subscriber.expectIds('pending');
    expect(order.watchers()).toBe(1);
    subscriber.close();
    while (order.watchers() > 0) await turn();
    expect((await edge.send('GET', '/api/v1/gateway/status')).body.data).toMatchObject({
      inFlight: 1,
    });
  });

  it('ends cleanly when the gateway stops', async () => {
    const order = watchedOrder();
    edge = await openEdge({ order });
    order.publish('pending');
    const subscriber = await subscribe();
    await subscriber.expectIds('pending');
    edge.stop();
    await subscriber.ended;
    expect(order.watchers()).toBe(0);
  });

  it('can be refused before the first event', async () => {
    edge = await openEdge({
      order: {
        async *watchOrder() {
          throw notFound('order');
        },
      },
    });
    const path = '/api/v1/orders/order_1/events';
    expect((await edge.send('GET', path)).status).toBe(401);
    const token = await edge.token();
    expect(await edge.send('GET', path, { token })).toMatchObject({
      status: 404,
      body: { error: 'order not found' },
    });
  });

  it('has no body for HEAD', async () => {
    const order = watchedOrder();
    edge = await openEdge({ order });
    order.publish('pending');
    const path = '/api/v1/orders/order_1/events';
    const response = await edge.send('HEAD', path, { token: await edge.token() });
    expect(response).toMatchObject({ status: 200, body: {} });
    while (order.watchers() > 0) await turn();
  });
});
