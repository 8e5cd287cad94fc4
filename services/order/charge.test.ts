import { describe, expect, it } from '@jest/globals';
import { Code } from '#kit/core/errors';
import { CHARGE_MS } from './charge';
import {
  World,
  bedWith,
  fulfil,
  fulfilled,
  orderOf,
  pending,
  silent,
  steps,
  wish,
} from './testing';

describe('a payment that is silent', () => {
  const chargesWith = async (world: World, wanted = wish()) => {
    const { bed, order } = await fulfilled(wanted, world);
    return { charges: bed.callCount('payment', 'charge'), status: order.status };
  };

  it('is asked again under the same order', async () => {
    const stumbling = await chargesWith(new World(), wish({ token: 'tok_flaky' }));
    expect(stumbling).toEqual({ charges: 3, status: 'confirmed' });
  });

  it.each([Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.UNKNOWN])(
    'is asked three times and no more: status %i',
    async (code) => {
      const world = new World();
      world.faults.set(
        'charge',
        [1, 2, 3, 4].map(() => silent(code)),
      );
      expect(await chargesWith(world)).toEqual({ charges: 3, status: 'cancelled' });
    },
  );

  it('is given up sooner where there would be no time to undo it', async () => {
    const world = new World();
    const error = silent(Code.DEADLINE_EXCEEDED);
    const slow = { shift: () => (world.clock.advance(CHARGE_MS), error) };
    world.faults.set('charge', Object.assign([error], slow));
    expect(await chargesWith(world)).toEqual({ charges: 2, status: 'cancelled' });
    // of 18 s, so that a void and a release as slow as can be have their time
    expect(world.clock.now() - Date.parse('2026-01-01')).toBeLessThanOrEqual(18_000 - 9_000);
  });

  it('that was voided meanwhile cancels the order', async () => {
    const world = new World();
    world.money.set('o1', 'voided');
    const { order } = await fulfilled(wish(), world);
    expect(order).toMatchObject({ status: 'cancelled', reason: 'payment_unknown' });
    expect(steps(order)).toContain('charge refused');
  });
});

describe('a payment that is away', () => {
  const away = () => {
    const world = new World();
    const failures = [1, 2, 3].map(() => silent(Code.UNAVAILABLE));
    world.faults.set('charge', failures);
    return world;
  };

  it('is waited for by an order that is new', async () => {
    const bed = await bedWith(pending(), away());
    expect(await fulfil(bed)).toBe('RETRY');
    expect(await orderOf(bed)).toMatchObject({ status: 'pending' });
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(await orderOf(bed)).toMatchObject({ status: 'confirmed' });
  });

  it('cancels an order that has waited', async () => {
    const world = away();
    const bed = await bedWith(pending(), world);
    world.clock.advance(15_000);
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(await orderOf(bed)).toMatchObject({ status: 'cancelled', reason: 'payment_unknown' });
  });
});
