import { expect, test } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import { testbed } from '#kit/testing/testbed';
import { inventory } from '../../services/inventory/service';
import { order } from '../../services/order/service';

// The example of docs/guides/grpc.md.

const seller: Caller = { userId: 'sam', role: 'seller', tenantId: 'default' };
const customer: Caller = { userId: 'ann', role: 'customer', tenantId: 'default' };
const pen = { shopId: 'shop_1', productId: 'pen' };

test('a service answers its methods, and refuses with a gRPC code', async () => {
  const bed = testbed(inventory, {
    config: { DRIFT_POLICY: 'agreement', DRIFT_TOLERANCE: 2 },
    // the shop service, as inventory calls it: sam is a seller of every shop
    calls: { shop: { mayManage: () => ({ allowed: true }) } },
  });

  await bed.call('adjustStock', { ...pen, change: 5, reason: 'delivery' }, { caller: seller });
  expect(await bed.call('getStock', pen)).toMatchObject({ available: 5, reserved: 0 });

  const ghost = bed.call('getStock', { shopId: 'shop_1', productId: 'ghost' });
  await expect(ghost).rejects.toMatchObject({ code: Code.NOT_FOUND });
  const byCustomer = bed.call('adjustStock', { ...pen, change: 5 }, { caller: customer });
  await expect(byCustomer).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
});

test('a caller translates the refusal of another service into its own terms', async () => {
  const bed = testbed(order, {
    calls: {
      shop: {
        priceOffers: () => {
          throw new MicroserviceError('product ghost not found', Code.NOT_FOUND, {
            reason: 'product_not_found',
            productId: 'ghost',
          });
        },
      },
    },
  });

  const placing = bed.call(
    'placeOrder',
    {
      shopId: 'shop_1',
      items: [{ productId: 'ghost', quantity: 1 }],
      payment: { method: 'card', token: 'tok_ok' },
      deliveryAddress: {
        name: 'Ann',
        line1: 'High Street 12',
        postalCode: '10115',
        city: 'Berlin',
        country: 'DE',
      },
    },
    { caller: customer },
  );

  await expect(placing).rejects.toMatchObject({
    code: Code.INVALID_ARGUMENT,
    details: { fields: [{ field: 'items.0.productId' }] },
  });
  expect(bed.callCount('shop', 'priceOffers')).toBe(1);
});
