import type { Caller, Role } from '#kit/core/caller';
import type { Memory } from '#kit/testing/memory';
import { type Testbed, testbed } from '#kit/testing/testbed';
import { delivery } from './service';

// Shared by the tests of this service.

export type Bed = Testbed<(typeof delivery)['definition']>;

export const address = {
  name: 'Secret Buyer',
  line1: 'Hidden Street 1',
  line2: '',
  city: 'Quiettown',
  postalCode: '10115',
  country: 'DE',
};
export const order = { orderId: 'o1', userId: 'u1', shopId: 'shop_1', address };
/** A country that is not served. */
export const abroad = { ...order, address: { ...address, country: 'US' } };
/** Matches the personal data of the address. */
export const PERSONAL = /Secret|Hidden|Quiettown|10115/;

const eur = (amount: string) => ({ amount, currency: 'EUR' });
const config = {
  DELIVERY_HOME: 'DE',
  DELIVERY_COUNTRIES: ['DE', 'FR', 'LU'],
  DELIVERY_PRICES: new Map([['EUR', { home: eur('4.90'), abroad: eur('9.90') }]]),
};

/** A shop service in which the seller `someone` manages shop_1. */
const calls = {
  shop: {
    mayManage: (
      { shopId }: { shopId: string },
      { callContext }: { callContext: { caller: Caller } },
    ) => ({ allowed: shopId === 'shop_1' && callContext.caller.userId === 'someone' }),
  },
};

/** A later release of the service, with higher prices. */
export function dearer(memory: Memory): Bed {
  const prices = new Map([['EUR', { home: eur('6.00'), abroad: eur('12.00') }]]);
  return testbed(delivery, { config: { ...config, DELIVERY_PRICES: prices }, calls, memory });
}

export function empty(): Bed {
  return testbed(delivery, { config, calls });
}

export async function scheduled(): Promise<Bed> {
  const bed = empty();
  await bed.call('schedule', order, { id: 'first' });
  return bed;
}

export async function advanced(...steps: string[]): Promise<Bed> {
  const bed = await scheduled();
  for (const status of steps)
    await bed.call('updateStatus', { orderId: 'o1', status }, as('admin'));
  return bed;
}

export function as(role: Role, userId = 'u1', tenantId = 'default'): { caller: Caller } {
  return { caller: { userId, role, tenantId } };
}

export async function statusOf(bed: Bed): Promise<string> {
  return (await bed.call('getDelivery', { orderId: 'o1' })).status;
}
