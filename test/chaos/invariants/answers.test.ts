import { CONFIRMED } from '../made-up';
import { finds, withAsked } from '../spoil';

const placed = { what: 'order', path: '/orders', status: 201, n: 9 } as const;
const isConfirmed = { orderId: CONFIRMED, status: 'confirmed' };

finds([
  [
    'a key is two orders',
    withAsked({ ...placed, key: 'second', told: isConfirmed }),
    ['sameKeySameAnswer'],
    /second is /,
  ],
  [
    'an order has two keys',
    withAsked({ ...placed, key: 'third', told: isConfirmed }),
    ['sameKeySameAnswer'],
    /is of .* first and .* third/,
  ],
  [
    'another body is taken',
    withAsked({ ...placed, key: 'first', changed: true, told: isConfirmed }),
    ['sameKeySameAnswer'],
    /another body/,
  ],
  [
    'an answer is a surprise',
    withAsked({ ...placed, status: 500 }),
    ['sameKeySameAnswer'],
    /answered 500/,
  ],
]);
