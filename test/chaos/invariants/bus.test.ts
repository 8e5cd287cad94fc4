import { finds } from '../spoil';

finds([
  [
    'an event is with a service for ever',
    (books) => ({
      ...books,
      groups: [{ topic: 'order.created', name: 'notification', pending: 1, lag: 0 }],
    }),
    ['nothingIsInFlight'],
    /1 events are with notification/,
  ],
  [
    'an event never went out',
    (books) => ({
      ...books,
      groups: [{ topic: 'order.created', name: 'notification', pending: 0, lag: 2 }],
    }),
    ['nothingIsInFlight'],
    /2 never went out/,
  ],
  [
    'a dead letter does not go away',
    (books) => ({
      ...books,
      letters: [{ service: 'product', id: 'x', type: 'product.stock.updated', message: 'why' }],
    }),
    ['replayEmptiesDeadLetters'],
    /still a dead letter of product/,
  ],
]);
