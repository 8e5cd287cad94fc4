import { CANCELLED, CONFIRMED } from './sample-books';
import { confirmedAs, detects, withRequest } from './test-cases';

detects([
  [
    'one key that is two orders',
    withRequest({ kind: 'place', key: 'second', answer: confirmedAs(CONFIRMED) }),
    ['sameKeySameAnswer'],
    /second is the key of/,
  ],
  [
    'an order with two keys',
    withRequest({ kind: 'place', key: 'third', answer: confirmedAs(CONFIRMED) }),
    ['sameKeySameAnswer'],
    /has the keys .* first, .* third/,
  ],
  [
    'another body that is accepted under a used key',
    withRequest({ kind: 'place', key: 'first', body: 'other', answer: confirmedAs(CONFIRMED) }),
    ['sameKeySameAnswer'],
    /accepted with two bodies/,
  ],
  [
    'another body that is refused for something else than its key',
    withRequest({
      kind: 'place',
      key: 'first',
      body: 'other',
      answer: { outcome: 'refused', text: '422 out_of_stock' },
    }),
    ['sameKeySameAnswer'],
    /another body under its key got 422 out_of_stock/,
  ],
  [
    'an accepted request that is refused when it is repeated',
    withRequest({
      kind: 'place',
      key: 'first',
      answer: { outcome: 'refused', text: '422', refusesKey: true },
    }),
    ['sameKeySameAnswer'],
    /the same request refused/,
  ],
  [
    'an answer with another order than the request is about',
    withRequest({
      kind: 'place',
      key: 'first',
      orderId: CANCELLED,
      answer: confirmedAs(CONFIRMED),
    }),
    ['sameKeySameAnswer'],
    /which is about order_cancelled/,
  ],
  [
    'an unexpected answer',
    withRequest({ kind: 'place', answer: { outcome: 'unexpected', text: '500' } }),
    ['sameKeySameAnswer'],
    /answered 500/,
  ],
  [
    'an order that was answered as confirmed and is cancelled',
    withRequest({ kind: 'place', key: 'second', answer: confirmedAs(CANCELLED) }),
    ['answersStayTrue'],
    /answered as confirmed/,
  ],
  [
    'an order that was cancelled for another reason than was answered',
    withRequest({
      kind: 'place',
      key: 'second',
      answer: {
        outcome: 'accepted',
        text: '422',
        orderId: CANCELLED,
        status: 'cancelled',
        reason: 'out_of_stock',
      },
    }),
    ['answersStayTrue'],
    /answered as cancelled for out_of_stock .*, and is cancelled payment_failed/,
  ],
  [
    'an order that is answered as pending after it was answered as confirmed',
    withRequest({
      kind: 'place',
      key: 'first',
      answer: { outcome: 'accepted', text: '202', orderId: CONFIRMED, status: 'pending' },
    }),
    ['answersStayTrue'],
    /answered as pending .*, after confirmed/,
  ],
  [
    'an order that is answered as cancelling after it was answered as cancelled',
    withRequest({
      kind: 'place',
      key: 'second',
      answer: { outcome: 'accepted', text: '202', orderId: CANCELLED, status: 'cancelling' },
    }),
    ['answersStayTrue'],
    /answered as cancelling .*, after cancelled/,
  ],
]);
