import type { Caller } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import { FakeClock } from '#kit/testing/fake-clock';
import type { Memory } from '#kit/testing/memory';
import { testbed } from '#kit/testing/testbed';
import { shop } from './service';

const caller = (role: Caller['role'], userId: string, tenantId = 'default'): Caller => ({
  role,
  userId,
  tenantId,
});

export const admin = caller('admin', 'ada');
export const sally = caller('seller', 'sally');
export const bob = caller('seller', 'bob');
export const customer = caller('customer', 'carl');
export const stranger = caller('anonymous', '');
export const service = caller('service', '');
export const elsewhere = (caller: Caller): Caller => ({ ...caller, tenantId: 'other' });

export const KEY = 'k'.repeat(43);

export const CATALOGUE: Readonly<Record<string, { name: string; amount: string }>> = {
  cup: { name: 'Cup', amount: '5.00' },
  pot: { name: 'Pot', amount: '30.00' },
};

export const corner = {
  name: 'Corner shop',
  channels: ['store'],
  timeZone: 'Europe/Berlin',
  openingHours: [{ day: 'monday', opens: '09:00', closes: '18:30' }],
};

/** The users that may sell. */
const SELLERS = ['sally', 'bob'];

/** The service with a small catalogue. */
export function shopBed(memory?: Memory) {
  return testbed(shop, {
    clock: new FakeClock(),
    config: { DEVICE_KEY_FILE: KEY },
    ...(memory === undefined ? {} : { memory }),
    calls: {
      user: {
        findSellers: ({ ids }) => ({
          userIds: ids.filter((id) => SELLERS.includes(id)),
          keyIds: ids.filter((id) => id.startsWith('key_')),
        }),
      },
      product: {
        priceItems: ({ productIds }) => ({
          prices: productIds.map((productId) => {
            const known = CATALOGUE[productId];
            if (known !== undefined) {
              const { name, amount } = known;
              return { productId, name, price: { amount, currency: 'EUR' } };
            }
            const message = `product ${productId} not found`;
            const details = { reason: 'product_not_found', productId };
            throw new MicroserviceError(message, Code.NOT_FOUND, details);
          }),
        }),
      },
    },
  });
}

/** A testbed with a shop of Sally. */
export async function withShop(changes: object = {}) {
  const bed = shopBed();
  const shop = { ...corner, ...changes };
  const { shopId } = await bed.call('createShop', shop, { caller: sally, id: 'shop' });
  return { bed, shopId };
}

/** A testbed with a shop of Sally and a device in it. */
export async function withDevice() {
  const { bed, shopId } = await withShop();
  const request = { shopId, kind: 'vending_machine', name: 'Hall' };
  const { device, credential, userName } = await bed.call('registerDevice', request, {
    caller: sally,
    id: 'device',
  });
  return { bed, shopId, deviceId: device?.deviceId ?? '', credential, userName };
}
