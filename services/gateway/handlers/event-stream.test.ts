import { afterEach, describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { request } from 'undici';
import { notFound } from '#kit/core/errors';
import { type Edge, openEdge } from '../testing/edge';

let edge: Edge;
afterEach(() => edge.close());

interface Said {
  readonly orderId: string;
  readonly status: string;
}

/** An order whose status the test says; the watcher of it hears each, until it is over. */
function told() {
  const waiting: (() => void)[] = [];
  const said: Said[] = [];
  let isOver = false;
  let listening = 0;
  const wake = () => {
    for (const each of waiting.splice(0)) each();
  };
  return {
    say: (status: string) => {
      said.push({ orderId: 'order_1', status });
      wake();
    },
    end: () => {
      isOver = true;
      wake();
    },
    listening: () => listening,
    async *watchOrder(_: object, { signal }: { signal: AbortSignal }) {
      signal.addEventListener('abort', wake);
      listening++;
      try {
        for (let at = 0; !signal.aborted;) {
          const order = said[at];
          if (order !== undefined) {
            at++;
            yield { order };
          } else if (isOver) return;
          else await new Promise<void>((resolve) => waiting.push(resolve));
        }
      } finally {
        listening--;
      }
    },
  };
}

async function listen(headers: Record<string, string> = {}) {
  const token = await edge.token();
  const leaving = new AbortController();
  const answer = await request(`http://127.0.0.1:${edge.port}/api/v1/orders/order_1/events`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
    signal: leaving.signal,
  });
  let text = '';
  const over = (async () => {
    for await (const chunk of answer.body.setEncoding('utf8')) text += String(chunk);
  })();
  over.catch(() => undefined);
  const ids = () => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
  const hears = async (...expected: string[]) => {
    while (ids().length < expected.length) await turn();
    expect(ids()).toEqual(expected);
  };
  return {
    answer,
    over,
    hears,
    leave: () => {
      leaving.abort();
    },
    text: () => text,
  };
}

describe('the events of an order', () => {
  it('come as they happen, and end when there can be no more', async () => {
    const order = told();
    edge = await openEdge({ order });
    order.say('pending');
    const listener = await listen({ 'accept-encoding': 'gzip' });
    await listener.hears('pending');
    expect(listener.answer.statusCode).toBe(200);
    expect(listener.answer.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
    });
    order.say('confirmed');
    await listener.hears('pending', 'confirmed');
    order.end();
    await listener.over;
    const [, first] = listener.text().split('\n\n');
    const [id, event, data = ''] = first?.split('\n') ?? [];
    expect([id, event]).toEqual(['id: pending', 'event: status']);
    expect(JSON.parse(data.replace('data: ', ''))).toMatchObject({
      ...{ orderId: 'order_1', status: 'pending', items: [] },
    });
    expect(order.listening()).toBe(0);
  });

  it('go on from the last one that came', async () => {
    const order = told();
    edge = await openEdge({ order });
    order.say('confirmed');
    const listener = await listen({ 'last-event-id': 'confirmed' });
    order.say('cancelling');
    await listener.hears('cancelling');
    order.end();
    await listener.over;
  });

  it('are over with 204 for who has heard all that there can be, so that they ask no more', async () => {
    const order = told();
    edge = await openEdge({ order });
    order.say('cancelled');
    order.end();
    const { answer, over, text } = await listen({ 'last-event-id': 'cancelled' });
    expect(answer.statusCode).toBe(204);
    await over;
    expect(text()).toBe('');
    // anybody else hears how it ended
    const other = await listen({ 'last-event-id': 'pending' });
    await other.hears('cancelled');
    await other.over;
  });

  it('begin for who has heard the last one, before there is another', async () => {
    const order = told();
    edge = await openEdge({ order });
    order.say('pending');
    const { answer, leave } = await listen({ 'last-event-id': 'pending' });
    expect(answer.statusCode).toBe(200);
    leave();
  });

  it('are for one user so often at once and no more, and for others meanwhile', async () => {
    const order = told();
    edge = await openEdge({ order });
    order.say('pending');
    const tabs = await Promise.all(Array.from({ length: 20 }, () => listen()));
    expect(tabs.every(({ answer }) => answer.statusCode === 200)).toBe(true);
    const refused = await listen();
    expect(refused.answer.statusCode).toBe(429);
    expect(refused.answer.headers).toMatchObject({ 'retry-after': '5' });
    const bob = await listen({ authorization: `Bearer ${await edge.token({ sub: 'bob' })}` });
    await bob.hears('pending');
    tabs[0]?.leave();
    while (order.listening() > 20) await turn();
    const again = await listen();
    await again.hears('pending');
    for (const { leave } of [...tabs, bob, again]) leave();
  });

  it('are not asked for any more once the client has gone', async () => {
    const order = told();
    edge = await openEdge({ order });
    order.say('pending');
    const listener = await listen();
    await listener.hears('pending');
    expect(order.listening()).toBe(1);
    listener.leave();
    while (order.listening() > 0) await turn();
    expect((await edge.ask('GET', '/api/v1/gateway/status')).body.data).toMatchObject({
      inFlight: 1,
    });
  });

  it('end cleanly when the gateway stops', async () => {
    const order = told();
    edge = await openEdge({ order });
    order.say('pending');
    const listener = await listen();
    await listener.hears('pending');
    edge.stop();
    await listener.over;
    expect(order.listening()).toBe(0);
  });

  it('are refused as anything is: before the first of them', async () => {
    edge = await openEdge({
      order: {
        async *watchOrder() {
          throw notFound('order');
        },
      },
    });
    const path = '/api/v1/orders/order_1/events';
    expect((await edge.ask('GET', path)).status).toBe(401);
    const token = await edge.token();
    expect(await edge.ask('GET', path, { token })).toMatchObject({
      ...{ status: 404, body: { error: 'order not found' } },
    });
  });

  it('have no body for HEAD', async () => {
    const order = told();
    edge = await openEdge({ order });
    order.say('pending');
    const path = '/api/v1/orders/order_1/events';
    const answer = await edge.ask('HEAD', path, { token: await edge.token() });
    expect(answer).toMatchObject({ status: 200, body: {} });
    while (order.listening() > 0) await turn();
  });
});
