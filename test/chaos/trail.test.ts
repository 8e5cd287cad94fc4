import { expect, test } from '@jest/globals';
import { CANCELLED, CONFIRMED, goodBooks } from '../invariants/sample-books';
import type { LoggedRequest } from './request-log';
import { trailOf } from './trail';

const request = (n: number, orderId: string, status: number): LoggedRequest => ({
  n,
  kind: 'order',
  client: 'user_ann',
  path: '/orders',
  key: n === 1 ? 'first' : 'second',
  body: {},
  sentAt: 1_000,
  endedAt: 1_010,
  status,
  data: { orderId, status: status === 201 ? 'confirmed' : 'cancelled' },
});

test('the trail of an order has its requests and its events', () => {
  const requests = [request(1, CONFIRMED, 201), request(2, CANCELLED, 422)];
  const trail = trailOf(requests, goodBooks().events, CONFIRMED).join('\n');
  expect(trail).toMatch(/request 1 order first: 201 confirmed/);
  expect(trail).toMatch(/event order.confirmed \S+ of order, number 2/);
  expect(trail).not.toContain(CANCELLED);
});
