import { describe, expect, it } from '@jest/globals';
import { array, assert, boolean, constantFrom, integer, property, record } from 'fast-check';
import { orderKeyOf } from './domain';
import { NONE, Reservations, heldBy, holders, sum, withHeld, without } from './reservations';

const [one, two] = [orderKeyOf('o1'), orderKeyOf('o2')];
const held = withHeld(withHeld(NONE, one, 2), two, 10);

describe('reservations', () => {
  it('tell what each order holds, and what all hold', () => {
    expect(heldBy(held, one)).toBe(2);
    expect(heldBy(held, two)).toBe(10);
    expect(heldBy(held, orderKeyOf('o3'))).toBeUndefined();
    expect(sum(held)).toBe(12);
    expect(sum(NONE)).toBe(0);
  });

  it('lose an order and no other', () => {
    expect(without(held, one)).toBe(` ${two}:10`);
    expect(without(held, two)).toBe(` ${one}:2`);
    expect(without(held, orderKeyOf('o3'))).toBe(held);
  });

  it.each([
    ' short:1',
    ` ${one}:0`,
    ` ${one}:`,
    ` ${one}:1 `,
    `${one}:1`,
    ` ${one}:-1`,
    [[one, 1]],
  ])('are not read from %j', (text) => {
    expect(Reservations.safeParse(text).success).toBe(false);
  });

  it('are what a list of them would be, whatever comes and goes', () => {
    const step = record({
      order: constantFrom(...['a', 'b', 'c', 'd'].map(orderKeyOf)),
      quantity: integer({ min: 1, max: 1_000_000_000 }),
      comes: boolean(),
    });
    assert(
      property(array(step, { maxLength: 20 }), (steps) => {
        const list = new Map<string, number>();
        let text = NONE;
        for (const { order, quantity, comes } of steps) {
          if (comes === list.has(order)) continue;
          if (comes) list.set(order, quantity);
          else list.delete(order);
          text = comes ? withHeld(text, order, quantity) : without(text, order);
        }
        expect(Reservations.parse(text)).toBe(text);
        expect(holders(text)).toEqual([...list].map(([order, quantity]) => ({ order, quantity })));
        expect(sum(text)).toBe([...list.values()].reduce((all, each) => all + each, 0));
      }),
    );
  });
});
