import { describe, expect, it } from '@jest/globals';
import { Code } from '#kit/core/errors';
import { CHARGE_MS } from './timeouts';
import {
  FakeServices,
  bedWith,
  fulfil,
  fulfilled,
  orderOf,
  pendingOrder,
  noAnswer,
  steps,
  orderRequest,
} from './testing';

describe('a charge that gets no response', () => {
  const chargesWith = async (services: FakeServices, request = orderRequest()) => {
    const { bed, order } = await fulfilled(request, services);
    return { charges: bed.callCount('payment', 'charge'), status: order.status };
  };

  it('is retried for the same order', async () => {
    const flaky = await chargesWith(new FakeServices(), orderRequest({ token: 'tok_flaky' }));
    expect(flaky).toEqual({ charges: 3, status: 'confirmed' });
  });

  it.each([Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.UNKNOWN])(
    'is attempted at most three times: status %i',
    async (code) => {
      const services = new FakeServices();
      services.faults.set(
        'charge',
        [1, 2, 3, 4].map(() => noAnswer(code)),
      );
      expect(await chargesWith(services)).toEqual({ charges: 3, status: 'cancelled' });
    },
  );

  it('is not retried if there would be no time left to compensate', async () => {
    const services = new FakeServices();
    const error = noAnswer(Code.DEADLINE_EXCEEDED);
    const slow = { shift: () => (services.clock.advance(CHARGE_MS), error) };
    services.faults.set('charge', Object.assign([error], slow));
    expect(await chargesWith(services)).toEqual({ charges: 2, status: 'cancelled' });
    // of 18 s: the slowest void and release still fit
    expect(services.clock.now() - Date.parse('2026-01-01')).toBeLessThanOrEqual(18_000 - 9_000);
  });

  it('and was voided meanwhile cancels the order', async () => {
    const services = new FakeServices();
    services.money.set('o1', 'voided');
    const { order } = await fulfilled(orderRequest(), services);
    expect(order).toMatchObject({ status: 'cancelled', reason: 'payment_unknown' });
    expect(steps(order)).toContain('charge refused');
  });
});

describe('an unavailable payment service', () => {
  const unavailablePayment = () => {
    const services = new FakeServices();
    const failures = [1, 2, 3].map(() => noAnswer(Code.UNAVAILABLE));
    services.faults.set('charge', failures);
    return services;
  };

  it('is retried in a redelivery while the order is new', async () => {
    const bed = await bedWith(pendingOrder(), unavailablePayment());
    expect(await fulfil(bed)).toBe('PARKED');
    expect(await orderOf(bed)).toMatchObject({ status: 'pending' });
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(await orderOf(bed)).toMatchObject({ status: 'confirmed' });
  });

  it('cancels an order that has waited for 15 s', async () => {
    const services = unavailablePayment();
    const bed = await bedWith(pendingOrder(), services);
    services.clock.advance(15_000);
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(await orderOf(bed)).toMatchObject({ status: 'cancelled', reason: 'payment_unknown' });
  });
});
