import { describe, expect, it } from '@jest/globals';
import { array, assert, boolean, constantFrom, integer, property, record } from 'fast-check';
import { orderKeyOf } from './order-key';
import {
  NO_RESERVATIONS,
  Reservations,
  quantityHeldBy,
  listReservations,
  totalReserved,
  addReservation,
  removeReservation,
} from './reservations';

const [one, two] = [orderKeyOf('o1'), orderKeyOf('o2')];
const held = addReservation(addReservation(NO_RESERVATIONS, one, 2), two, 10);

describe('reservations', () => {
  it('have the pieces of each order, and of all', () => {
    expect(quantityHeldBy(held, one)).toBe(2);
    expect(quantityHeldBy(held, two)).toBe(10);
    expect(quantityHeldBy(held, orderKeyOf('o3'))).toBeUndefined();
    expect(totalReserved(held)).toBe(12);
    expect(totalReserved(NO_RESERVATIONS)).toBe(0);
  });

  it('are removed for one order only', () => {
    expect(removeReservation(held, one)).toBe(` ${two}:10`);
    expect(removeReservation(held, two)).toBe(` ${one}:2`);
    expect(removeReservation(held, orderKeyOf('o3'))).toBe(held);
  });

  it.each([
    ' short:1',
    ` ${one}:0`,
    ` ${one}:`,
    ` ${one}:1 `,
    `${one}:1`,
    ` ${one}:-1`,
    [[one, 1]],
  ])('are not parsed from %j', (text) => {
    expect(Reservations.safeParse(text).success).toBe(false);
  });

  it('match a list of them, in any sequence of changes', () => {
    const step = record({
      order: constantFrom(...['a', 'b', 'c', 'd'].map(orderKeyOf)),
      quantity: integer({ min: 1, max: 1_000_000_000 }),
      comes: boolean(),
    });
    assert(
      property(array(step, { maxLength: 20 }), (steps) => {
        const list = new Map<string, number>();
        let text = NO_RESERVATIONS;
        for (const { order, quantity, comes } of steps) {
          if (comes === list.has(order)) continue;
          if (comes) list.set(order, quantity);
          else list.delete(order);
          text = comes ? addReservation(text, order, quantity) : removeReservation(text, order);
        }
        expect(Reservations.parse(text)).toBe(text);
        expect(listReservations(text)).toEqual(
          [...list].map(([order, quantity]) => ({ order, quantity })),
        );
        expect(totalReserved(text)).toBe([...list.values()].reduce((all, each) => all + each, 0));
      }),
    );
  });
});
