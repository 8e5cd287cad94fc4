import type { DeadLetterBook } from './books';
import { detects } from './test-cases';

const letter: DeadLetterBook = {
  service: 'product',
  id: 'x',
  type: 'product.stock.updated',
  reason: 'unavailable',
  message: 'why',
};

detects([
  [
    'an event that is never acknowledged',
    (books) => ({
      ...books,
      consumers: [{ topic: 'order.created', name: 'notification', pending: 1, lag: 0 }],
    }),
    ['nothingIsInFlight'],
    /1 events are unacknowledged by notification/,
  ],
  [
    'an event that is never delivered',
    (books) => ({
      ...books,
      consumers: [{ topic: 'order.created', name: 'notification', pending: 0, lag: 2 }],
    }),
    ['nothingIsInFlight'],
    /2 were never delivered/,
  ],
  [
    'a dead letter that its replay leaves',
    (books) => ({ ...books, deadLetters: [letter] }),
    ['replayEmptiesDeadLetters'],
    /still a dead letter after its replay: product.stock.updated in product/,
  ],
  [
    'a dead letter for a reason that will not go away',
    (books) => ({ ...books, deadLettersBefore: [letter, { ...letter, reason: 'internal' }] }),
    ['deadLettersAreTransient'],
    /became a dead letter: product.stock.updated in product, internal/,
  ],
]);
