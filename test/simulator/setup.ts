import { z } from 'zod';
import { Chance } from '../chaos/chance';
import type { Device, Goods, World } from './device';
import { Machine, Shelf, Till } from './kinds';
import { Ledger } from './ledger';
import {
  type DevicePlan,
  type FleetPlan,
  MACHINE_PRODUCTS,
  SHELF_PRODUCTS,
  TILL_PRODUCTS,
  slotOf,
} from './plan';
import { type Platform, eachOf } from './platform';
import { CAPACITY, planMachine } from './vending';

const Registered = z.object({
  device: z.object({ deviceId: z.string(), shopId: z.string() }),
  userName: z.string(),
  credential: z.string(),
});
const Product = z.object({ productId: z.string() });

/** So many pieces of each product are in a shop at the beginning. */
const OPENING = { shelf: 40, machine: 10_000, till: 100_000 };
const PRICES = { shelf: 499, machine: 250, till: 120 };
const KINDS = { shelf: Shelf, gateway: Till, vending_machine: Machine };
export const PROBE = 'probe';

export interface Fleet {
  readonly world: World;
  readonly devices: readonly Device[];
  /** A shelf by which it is measured how long it takes until the platform knows. */
  readonly probe: Shelf;
  readonly machines: readonly Machine[];
}

interface SetUp {
  readonly plan: FleetPlan;
  readonly seed: number;
  /** Tells the devices and shops of one run from those of others. */
  readonly name: string;
  readonly broker: string;
  readonly vends: boolean;
}

/** Registers shops, products and devices, and fills shops and machines. */
export async function setUp(admin: Platform, how: SetUp): Promise<Fleet> {
  const { plan, seed, name, broker, vends } = how;
  const ledger = new Ledger();
  const shopIds = Array.from({ length: plan.shops }, (_, index) => `${name}-shop-${index}`);
  await eachOf(shopIds, async (shopId) => {
    const shop = {
      shopId,
      name: shopId,
      channels: ['store', 'vending'],
      timeZone: 'Europe/Berlin',
    };
    await admin.ask(z.unknown(), 'POST', '/shops', { ...shop, openingHours: [] });
  });
  const goods = new Map<string, Goods>();
  const names = [...SHELF_PRODUCTS, ...MACHINE_PRODUCTS, ...TILL_PRODUCTS, PROBE];
  await eachOf(names, async (product) => {
    const priceMinor = PRICES[roleOf(product)];
    const price = { amount: (priceMinor / 100).toFixed(2), currency: 'EUR' };
    const body = { name: product, description: 'Simulated', category: 'simulated', price };
    const { productId } = await admin.ask(Product, 'POST', '/products', body);
    goods.set(product, { productId, priceMinor });
  });
  const world = { broker, ledger, goods };

  const inShops = shopIds.flatMap((shopId, shop) =>
    productsIn(plan, shop).map((product) => ({ shopId, product })),
  );
  await eachOf(inShops, async ({ shopId, product }) => {
    const { productId = '' } = goods.get(product) ?? {};
    const change = OPENING[roleOf(product)];
    const path = `/inventory/${shopId}/${productId}/adjustments`;
    await admin.ask(z.unknown(), 'POST', path, { change, reason: 'opening' });
    ledger.move(shopId, productId, change);
    if (vends && roleOf(product) === 'machine') {
      await admin.ask(z.unknown(), 'POST', `/shops/${shopId}/offers`, { productId });
    }
  });

  const register = async (device: DevicePlan) => {
    const shopId = shopIds[device.shop] ?? '';
    const body = {
      shopId,
      kind: device.kind,
      name: device.name,
      deviceId: `${name}-${device.name}`,
    };
    const registered = await admin.ask(Registered, 'POST', '/devices', body);
    const { userName, credential } = registered;
    const { deviceId } = registered.device;
    const tenantId = userName.split('/')[0] ?? '';
    const identity = { tenantId, deviceId, shopId, userName, credential };
    const chance = new Chance(seed, device.name);
    return new KINDS[device.kind](device, identity, world, chance);
  };
  const devices = await eachOf(plan.devices, register);
  const machines = devices.filter((device) => device instanceof Machine);
  if (vends) {
    await eachOf(machines, async ({ plan: { products }, identity: { deviceId } }) => {
      const slots = products.map((product, index) => ({
        ...{ slot: slotOf(index), capacity: CAPACITY },
        productId: goods.get(product)?.productId ?? '',
      }));
      await planMachine(admin, deviceId, slots);
      for (const { slot } of slots) ledger.fill(deviceId, slot, CAPACITY);
    });
  }
  const steady = { shop: 0, skewMs: 0, counts: false, isRogue: false, leaves: false };
  const probe = await register({ ...steady, name: PROBE, kind: 'shelf', products: [PROBE] });
  if (!(probe instanceof Shelf)) throw new Error('the probe is no shelf');
  return { world, devices, probe, machines };
}

function roleOf(product: string): keyof typeof OPENING {
  if (product.startsWith('machine')) return 'machine';
  return product.startsWith('till') ? 'till' : 'shelf';
}

function productsIn({ devices }: FleetPlan, shop: number): string[] {
  const products = devices.filter((device) => device.shop === shop).flatMap((it) => it.products);
  return [...new Set(shop === 0 ? [...products, PROBE] : products)];
}
