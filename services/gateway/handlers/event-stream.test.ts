import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { setImmediate as turn } from 'node:timers/promises';
import { request } from 'undici';
import { Code, MicroserviceError, notFound, unavailable } from '#kit/core/errors';
import { type Edge, openEdge } from '../testing/edge';
import { STREAMS } from './open-streams';

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

describe('the number of streams', () => {
  it('is limited by address, whatever accounts they belong to', async () => {
    const order = watchedOrder();
    edge = await openEdge({ order }, { config: { TRUSTED_PROXIES: ['127.0.0.1'] } });
    order.publish('pending');
    const by = async (user: string, from: string) =>
      subscribe({
        authorization: `Bearer ${await edge.token({ sub: user })}`,
        'x-forwarded-for': from,
      });
    const open = await Promise.all(
      Array.from({ length: STREAMS.perClient }, (_, n) => by(`user_${n % 25}`, '10.0.0.1')),
    );
    const refused = await by('user_99', '10.0.0.1');
    expect(refused.response.statusCode).toBe(429);
    const other = await by('user_99', '10.0.0.2');
    expect(other.response.statusCode).toBe(200);
    for (const { close } of [...open, other]) close();
  });

  it('leaves a part to addresses with few, although others take all they can', async () => {
    const order = watchedOrder();
    edge = await openEdge({ order }, { config: { TRUSTED_PROXIES: ['127.0.0.1'] } });
    order.publish('pending');
    const common = STREAMS.total - STREAMS.reserved;
    const by = async (n: number, from: string) =>
      subscribe({
        authorization: `Bearer ${await edge.token({ sub: `user_${n}` })}`,
        'x-forwarded-for': from,
      });
    const open = await Promise.all(
      Array.from({ length: common }, (_, n) =>
        by(n, `10.0.0.${Math.floor(n / STREAMS.perClient)}`),
      ),
    );
    expect(new Set(open.map(({ response }) => response.statusCode))).toEqual(new Set([200]));
    const few = await Promise.all(
      Array.from({ length: STREAMS.reservedPerClient }, (_, n) => by(1_000 + n, '10.0.1.1')),
    );
    expect(new Set(few.map(({ response }) => response.statusCode))).toEqual(new Set([200]));
    expect((await by(2_000, '10.0.1.1')).response.statusCode).toBe(503);
    for (const { close } of [...open, ...few]) close();
  }, 30_000);
});

describe('an open stream', () => {
  const HOUR = 3_600_000;
  const KEY = `key_1.${'k'.repeat(43)}`;
  let endedSessions: string[];
  let isKeyRevoked: boolean;
  let isUserDown: boolean;

  /** An edge whose user service ends sessions and revokes keys. */
  async function openWith(order: ReturnType<typeof watchedOrder>) {
    const opened: Edge = await openEdge({
      order,
      user: {
        logout: ({ refreshToken }) => {
          endedSessions.push(refreshToken);
          return {};
        },
        getEndedSessions: () => {
          if (isUserDown) throw unavailable('user cannot be reached');
          const until = timestampFromMs(opened.clock.now() + HOUR);
          const sessions = endedSessions.map((sessionId) => ({ sessionId, until }));
          return { sessions, asOf: timestampFromMs(opened.clock.now()) };
        },
        authenticateApiKey: () => {
          if (isKeyRevoked) {
            throw new MicroserviceError('the API key is not valid', Code.UNAUTHENTICATED);
          }
          return { keyId: 'key_1', role: 'admin', scopes: ['orders:read'], tenantId: 'default' };
        },
      },
    });
    return opened;
  }

  beforeEach(() => {
    endedSessions = [];
    isKeyRevoked = false;
    isUserDown = false;
  });

  it('ends when its session ends at this replica, and the other streams go on', async () => {
    const order = watchedOrder();
    edge = await openWith(order);
    order.publish('pending');
    const mine = await subscribe({
      authorization: `Bearer ${await edge.token({ sid: 'session_1' })}`,
    });
    const other = await subscribe({
      authorization: `Bearer ${await edge.token({ sid: 'session_2' })}`,
    });
    await edge.send('POST', '/api/v1/auth/logout', { body: { refreshToken: 'session_1' } });
    await mine.ended;
    order.publish('confirmed');
    await other.expectIds('pending', 'confirmed');
    expect(mine.text()).not.toContain('confirmed');
    other.close();
  });

  it('ends within five seconds when its session ends at another replica', async () => {
    const order = watchedOrder();
    edge = await openWith(order);
    order.publish('pending');
    const token = await edge.token({ sid: 'session_1' });
    const mine = await subscribe({ authorization: `Bearer ${token}` });
    // such as a block of the user or a changed password
    endedSessions.push('session_1');
    edge.clock.advance(4_000);
    await mine.ended;
    expect(order.watchers()).toBe(0);
  });

  it('ends when its token expires', async () => {
    const order = watchedOrder();
    edge = await openWith(order);
    order.publish('pending');
    const mine = await subscribe();
    edge.clock.advance(HOUR + 31_000);
    await mine.ended;
    expect(order.watchers()).toBe(0);
  });

  it('ends when its API key is revoked', async () => {
    const order = watchedOrder();
    edge = await openWith(order);
    order.publish('pending');
    const response = await request(`http://127.0.0.1:${edge.port}/api/v1/orders/order_1/events`, {
      headers: { 'x-api-key': KEY },
    });
    expect(response.statusCode).toBe(200);
    isKeyRevoked = true;
    edge.clock.advance(4_000);
    await response.body.text();
    expect(order.watchers()).toBe(0);
  });

  it('goes on while the user service is unavailable', async () => {
    const order = watchedOrder();
    edge = await openWith(order);
    order.publish('pending');
    const mine = await subscribe();
    isUserDown = true;
    const before = edge.bed.callCount('user', 'getEndedSessions');
    edge.clock.advance(10_000);
    while (edge.bed.callCount('user', 'getEndedSessions') === before) await turn();
    order.publish('confirmed');
    await mine.expectIds('pending', 'confirmed');
    mine.close();
  });

  it('is answered with 401 if its session ends before the first event', async () => {
    const order = watchedOrder();
    edge = await openWith(order);
    const token = await edge.token({ sid: 'session_1' });
    const opening = edge.send('GET', '/api/v1/orders/order_1/events', { token });
    while (order.watchers() === 0) await turn();
    await edge.send('POST', '/api/v1/auth/logout', { body: { refreshToken: 'session_1' } });
    expect(await opening).toMatchObject({ status: 401, body: { error: 'the session has ended' } });
  });
});
