import { asService } from '#kit/core/caller';
import { FakeClock } from '#kit/testing/fake-clock';
import { type Testbed, testbed } from '#kit/testing/testbed';
import type { Stock } from './domain';
import { inventory } from './service';

// What the tests of this service share.

export type Bed = Testbed<(typeof inventory)['definition']>;

type Config = ReturnType<Bed['context']>['config'];

const USUAL = { DRIFT_POLICY: 'agreement', DRIFT_TOLERANCE: 2 } as const;

export async function shopWith(
  stocks: Record<string, number>,
  minimumStock = 0,
  config: Partial<Config> = {},
): Promise<Bed> {
  const bed = testbed(inventory, { config: { ...USUAL, ...config } });
  for (const [productId, change] of Object.entries(stocks)) {
    const reason = 'delivery';
    await bed.call('adjustStock', { shopId: 'shop_1', productId, change, reason, minimumStock });
  }
  return bed;
}

/** Another process of the service beside this one, whose clock is so much ahead. */
export function replicaOf({ memory }: Bed, aheadMs: number): Bed {
  const clock = new FakeClock();
  clock.advance(aheadMs);
  return testbed(inventory, { config: USUAL, memory, clock });
}

export async function stockOf(bed: Bed, productId: string): Promise<Stock> {
  return bed.context(asService()).stocks.getOrThrow(`shop_1:${productId}`);
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

/** What a device says of the pens in `shop_1`; `at` in milliseconds since the epoch. */
export function deviceMessages(deviceId: string) {
  const told = (seq: number, at: number, boot: string) => ({
    ...{ deviceId, shopId: 'shop_1' },
    position: { boot, seq, at: new Date(at).toISOString() },
  });
  const stock = { dataType: 'stock' as const };
  const product = { productId: 'pen' };
  return {
    count: (seq: number, pieces: number, at = START, boot = 'b1') => ({
      ...{ ...told(seq, at, boot), ...stock },
      data: { mode: 'count' as const, ...product, pieces },
    }),
    delta: (seq: number, change: number, at = START, boot = 'b1') => ({
      ...{ ...told(seq, at, boot), ...stock },
      data: { mode: 'delta' as const, ...product, change },
    }),
    sale: (seq: number, quantity: number, at = START, slot?: string) => ({
      ...{ ...told(seq, at, 'b1'), dataType: 'sale' as const },
      data: { saleId: `s${seq}`, ...product, quantity, ...(slot === undefined ? {} : { slot }) },
    }),
    telemetry: (seq: number) => ({
      ...{ ...told(seq, START, 'b1'), dataType: 'telemetry' as const },
      data: { celsius: 4 },
    }),
  };
}

/** When a testbed's clock begins. */
const START = Date.parse('2026-01-01T00:00:00Z');
