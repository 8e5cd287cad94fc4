import { describe, expect, test } from '@jest/globals';
import { check, trailOf } from './check';
import { CANCELLED, CONFIRMED, goodBooks } from './made-up';

describe('the checker', () => {
  test('finds nothing in books in which nothing is wrong', () => {
    expect(check(goodBooks())).toEqual([]);
  });

  test('takes an event that is said again for one', () => {
    const books = goodBooks();
    const repeated = books.events.map((event) => ({ ...event, entry: `9${event.entry}` }));
    expect(check({ ...books, events: [...books.events, ...repeated] })).toEqual([]);
  });

  test('gives the trail to an order: what was asked and said of it', () => {
    const trail = trailOf(goodBooks(), CONFIRMED).join('\n');
    expect(trail).toMatch(/request 1 order first: 201 confirmed/);
    expect(trail).toMatch(/event order.confirmed \S+ of order, number 2/);
    expect(trail).not.toContain(CANCELLED);
  });
});
