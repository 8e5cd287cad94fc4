import { type Caller, asService } from '#kit/core/caller';
import { FakeClock } from '#kit/testing/fake-clock';
import { type Testbed, testbed } from '#kit/testing/testbed';
import type { Stock } from './domain';
import { inventory } from './service';

// Shared by the tests of this service.

export type Bed = Testbed<(typeof inventory)['definition']>;

type Config = ReturnType<Bed['context']>['config'];

/** Ids that start with this are of shops and products that do not exist. */
export const UNKNOWN = 'unknown';

/** A shop service that knows the sellers of each shop. The seller u1 manages shop_1. */
export const shopSellers = (sellers: Readonly<Record<string, string>> = { shop_1: 'u1' }) => ({
  shop: {
    mayManage: (
      { shopId, productId = '' }: { shopId: string; productId?: string | undefined },
      { callContext }: { callContext: { caller: Caller } },
    ) => {
      const allowed = sellers[shopId] === callContext.caller.userId;
      if (shopId.startsWith(UNKNOWN)) return { allowed, unknown: 'shop' };
      return productId.startsWith(UNKNOWN) ? { allowed, unknown: 'product' } : { allowed };
    },
  },
});

/** Who may change any stock. */
export const byAdmin: { caller: Caller } = {
  caller: { userId: 'root', role: 'admin', tenantId: 'default' },
};

const DEFAULTS = { DRIFT_POLICY: 'agreement', DRIFT_TOLERANCE: 2 } as const;

export async function shopWith(
  stocks: Record<string, number>,
  minimumStock = 0,
  config: Partial<Config> = {},
): Promise<Bed> {
  const bed = testbed(inventory, {
    config: { ...DEFAULTS, ...config },
    calls: shopSellers(),
  });
  for (const [productId, change] of Object.entries(stocks)) {
    const reason = 'delivery';
    const opening = { shopId: 'shop_1', productId, change, reason, minimumStock };
    await bed.call('adjustStock', opening, byAdmin);
  }
  return bed;
}

/** Another replica of the service, whose clock is ahead by this time. */
export function replicaOf({ memory }: Bed, aheadMs: number): Bed {
  const clock = new FakeClock();
  clock.advance(aheadMs);
  return testbed(inventory, { config: DEFAULTS, memory, clock, calls: shopSellers() });
}

export async function stockOf(bed: Bed, productId: string): Promise<Stock> {
  return bed.context(asService()).stocks.getOrThrow(`shop_1:${productId}`);
}

export function orderFor(orderId: string, quantities: Record<string, number>) {
  const items = Object.entries(quantities);
  return {
    orderId,
    shopId: 'shop_1',
    items: items.map(([productId, quantity]) => ({ productId, quantity })),
  };
}

export const order = orderFor('o1', { pen: 2, ink: 1 });

export async function shop(): Promise<Bed> {
  return shopWith({ pen: 10, ink: 10 });
}

export async function reserved(): Promise<Bed> {
  const bed = await shop();
  await bed.call('reserve', order);
  return bed;
}

/** Messages of a device about the pens in `shop_1`; `at` in milliseconds since the epoch. */
export function deviceMessages(deviceId: string) {
  const envelope = (seq: number, at: number, boot: string) => ({
    deviceId,
    shopId: 'shop_1',
    position: { boot, start: Number(boot.slice(1)), seq, at: new Date(at).toISOString() },
  });
  const stock = { dataType: 'stock' as const };
  const product = { productId: 'pen' };
  return {
    count: (seq: number, pieces: number, at = START, boot = 'b1') => ({
      ...envelope(seq, at, boot),
      ...stock,
      data: { mode: 'count' as const, ...product, pieces },
    }),
    delta: (seq: number, change: number, at = START, boot = 'b1') => ({
      ...envelope(seq, at, boot),
      ...stock,
      data: { mode: 'delta' as const, ...product, change },
    }),
    sale: (seq: number, quantity: number, at = START, slot?: string) => ({
      ...envelope(seq, at, 'b1'),
      dataType: 'sale' as const,
      data: { saleId: `s${seq}`, ...product, quantity, ...(slot === undefined ? {} : { slot }) },
    }),
    telemetry: (seq: number) => ({
      ...envelope(seq, START, 'b1'),
      dataType: 'telemetry' as const,
      data: { celsius: 4 },
    }),
  };
}

/** The start of a testbed's clock. */
const START = Date.parse('2026-01-01T00:00:00Z');
