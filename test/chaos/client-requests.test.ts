import { expect, test } from '@jest/globals';
import { clientRequest } from './client-requests';
import type { LoggedRequest } from './request-log';

const logged = (fields: Partial<LoggedRequest>) =>
  clientRequest({
    ...{ n: 1, kind: 'order', client: 'ann', path: '/orders', key: 'first', body: {} },
    ...{ sentAt: 1_000, endedAt: 1_010 },
    ...fields,
  });

test.each<[string, Partial<LoggedRequest>, object | undefined]>([
  [
    'a confirmed order',
    { status: 201, data: { orderId: 'o', status: 'confirmed' } },
    { outcome: 'accepted', orderId: 'o', status: 'confirmed' },
  ],
  [
    'an order that is still pending',
    { status: 202, data: { orderId: 'o', status: 'pending' } },
    { outcome: 'accepted', orderId: 'o', status: 'pending' },
  ],
  [
    'a cancelled order',
    { status: 422, data: { orderId: 'o', reason: 'out_of_stock' } },
    { outcome: 'accepted', orderId: 'o', status: 'cancelled', reason: 'out_of_stock' },
  ],
  ['an invalid order', { status: 422, data: {} }, { outcome: 'refused', refusesKey: false }],
  [
    'a key that was used with another body',
    { status: 422, data: { fields: [{ field: 'Idempotency-Key', message: 'used' }] } },
    { outcome: 'refused', refusesKey: true },
  ],
  ['an overloaded service', { status: 503 }, { outcome: 'unavailable' }],
  ['a fault', { status: 500 }, { outcome: 'unexpected' }],
  ['a refund', { kind: 'refund', status: 201 }, { outcome: 'accepted' }],
  ['a refused refund', { kind: 'refund', status: 422 }, { outcome: 'refused' }],
  ['a dead letter that is gone', { kind: 'replay', status: 404 }, { outcome: 'refused' }],
  ['no answer', { failure: 'reset' }, undefined],
])('the invariants read the answer to %s', (_, fields, answer) => {
  const { answer: read } = logged(fields);
  if (answer === undefined) expect(read).toBeUndefined();
  else expect(read).toMatchObject(answer);
});
