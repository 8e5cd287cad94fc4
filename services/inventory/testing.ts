import { asService } from '#kit/caller';
import { type Testbed, testbed } from '#kit/testbed';
import type { Stock } from './domain';
import { inventory } from './service';

// What the tests of this service share.

export type Bed = Testbed<(typeof inventory)['definition']>;

export async function shopWith(stocks: Record<string, number>, minimumStock = 0): Promise<Bed> {
  const bed = testbed(inventory);
  for (const [productId, change] of Object.entries(stocks)) {
    const reason = 'delivery';
    await bed.call('adjustStock', { shopId: 'shop_1', productId, change, reason, minimumStock });
  }
  return bed;
}

export async function stockOf(bed: Bed, productId: string): Promise<Stock> {
  return bed.context(asService()).stocks.need(`shop_1:${productId}`);
}

export function asked(orderId: string, quantities: Record<string, number>) {
  const items = Object.entries(quantities);
  return {
    orderId,
    shopId: 'shop_1',
    items: items.map(([productId, quantity]) => ({ productId, quantity })),
  };
}

export const order = asked('o1', { pen: 2, ink: 1 });

export async function shop(): Promise<Bed> {
  return shopWith({ pen: 10, ink: 10 });
}

export async function reserved(): Promise<Bed> {
  const bed = await shop();
  await bed.call('reserve', order);
  return bed;
}
