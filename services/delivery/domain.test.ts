import { describe, expect, it } from '@jest/globals';
import {
  type Delivery,
  type PlannedDelivery,
  cancelDelivery,
  estimate,
  advance,
  plan,
} from './domain';

const at = '2026-01-01T00:00:00.000Z';
const later = '2026-01-02T00:00:00.000Z';
const address = {
  name: 'A',
  line1: 'Main Street 1',
  line2: '',
  city: 'Berlin',
  postalCode: '10115',
  country: 'DE',
};
const planned: PlannedDelivery = {
  status: 'scheduled',
  deliveryId: 'd1',
  orderId: 'o1',
  userId: 'u1',
  shopId: 'shop_1',
  address,
  estimatedAt: later,
  createdAt: at,
  updatedAt: at,
};
const refusedAs = (reason: 'undeliverable' | 'cancelled'): Delivery => ({
  status: 'refused',
  orderId: 'o1',
  reason,
});

describe('a plan', () => {
  it('is made once', () => {
    const { document, outcome } = plan(undefined, planned, ['DE']);
    expect({ document, outcome }).toEqual({ document: planned, outcome: { isNew: true } });
    const again = plan(document, { ...planned, deliveryId: 'd2' }, ['DE']);
    expect(again.document).toBe(document);
    expect(again.outcome).toEqual({});
  });

  it('is refused for a country that is not served, without storing the address', () => {
    expect(plan(undefined, planned, ['FR'])).toEqual({
      document: refusedAs('undeliverable'),
      outcome: { refusal: 'undeliverable' },
    });
  });

  it('is refused for a postal code in the wrong format', () => {
    const wrong = { ...planned, address: { ...address, postalCode: '1011' } };
    expect(plan(undefined, wrong, ['DE']).outcome).toEqual({ refusal: 'undeliverable' });
  });

  it('stays refused if the country is served later', () => {
    const refused = refusedAs('undeliverable');
    expect(plan(refused, planned, ['DE'])).toEqual({
      document: refused,
      outcome: { refusal: 'undeliverable' },
    });
  });

  it.each([refusedAs('cancelled'), { ...planned, status: 'cancelled' } as const])(
    'is refused for an order whose delivery was cancelled',
    (now) => {
      expect(plan(now, planned, ['DE'])).toEqual({
        document: now,
        outcome: { refusal: 'cancelled' },
      });
    },
  );
});

describe('a cancellation', () => {
  it.each([
    ['scheduled', false],
    ['scheduled', true],
    ['picked_up', true],
    ['in_transit', true],
  ] as const)('cancels a delivery that is %s (recall: %s)', (status, recall) => {
    const { document, outcome } = cancelDelivery({ ...planned, status }, 'o1', recall, later);
    expect(document).toEqual({ ...planned, status: 'cancelled', updatedAt: later });
    expect(outcome).toEqual({ from: status });
  });

  it('is stored if no delivery was planned', () => {
    expect(cancelDelivery(undefined, 'o1', false, later)).toEqual({
      document: refusedAs('cancelled'),
      outcome: {},
    });
  });

  it('changes nothing the second time', () => {
    for (const now of [
      refusedAs('undeliverable'),
      cancelDelivery(planned, 'o1', false, at).document,
    ]) {
      expect(cancelDelivery(now, 'o1', true, later)).toEqual({ document: now, outcome: {} });
    }
  });

  it.each([
    ['picked_up', false],
    ['in_transit', false],
    ['delivered', false],
    ['delivered', true],
  ] as const)('is too late for a delivery that is %s (recall: %s)', (status, recall) => {
    const left: PlannedDelivery = { ...planned, status };
    expect(cancelDelivery(left, 'o1', recall, later)).toEqual({
      document: left,
      outcome: { tooLate: status },
    });
  });
});

describe('a step', () => {
  const statuses = ['scheduled', 'picked_up', 'in_transit', 'delivered', 'cancelled'] as const;
  const legal = ['scheduled picked_up', 'picked_up in_transit', 'in_transit delivered'];
  const pairs = statuses.flatMap((from) => statuses.map((to) => [from, to] as const));

  it.each(pairs)('from %s to %s is allowed only to the next status', (from, to) => {
    const step = () => advance({ ...planned, status: from }, to, later);
    if (legal.includes(`${from} ${to}`)) {
      expect(step().document).toEqual({ ...planned, status: to, updatedAt: later });
      expect(step().outcome).toEqual({ from });
    } else {
      expect(step).toThrow(`a delivery that is ${from} cannot become ${to}`);
    }
  });
});

describe('the estimated arrival', () => {
  it.each([
    ['two working days later at home', '2026-01-05T09:00:00Z', 'DE', '2026-01-07T18:00:00.000Z'],
    ['five working days later abroad', '2026-01-05T09:00:00Z', 'FR', '2026-01-12T18:00:00.000Z'],
    ['not on a weekend', '2026-01-08T23:59:00Z', 'DE', '2026-01-12T18:00:00.000Z'],
  ])('is %s', (_, now, country, expected) => {
    expect(estimate(Date.parse(now), { ...address, country }, 'DE')).toBe(expected);
  });
});
