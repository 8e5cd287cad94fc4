import { z } from 'zod';
import { SeededRandom } from '../tools/seeded-random';
import type { Device, Goods, Identity, Environment } from './device';
import { Machine, Shelf, Till } from './kinds';
import { Ledger } from './ledger';
import { type DevicePlan, type FleetPlan, slotOf } from './plan';
import { type Platform, eachOf } from './platform';
import { CAPACITY, planMachine } from './vending';

const Registered = z.object({ userName: z.string(), credential: z.string() });
const Product = z.object({ productId: z.string(), name: z.string() });
const Stock = z.object({ available: z.int(), reserved: z.int() });
const CONFLICT = 409;

/** The opening stock of each product in a shop. */
const OPENING = { shelf: 40, machine: 10_000, till: 100_000 };
const PRICES = { shelf: 499, machine: 250, till: 120 };
const KINDS = { shelf: Shelf, gateway: Till, vending_machine: Machine };
export const PROBE = 'probe';

export interface Fleet {
  readonly environment: Environment;
  readonly devices: readonly Device[];
  /** A shelf that measures the time from a message to its effect in the platform. */
  readonly probe: Shelf;
  readonly machines: readonly Machine[];
}

interface SetUp {
  readonly plan: FleetPlan;
  readonly seed: number;
  /** Part of the names of shops and devices, to tell runs apart. */
  readonly name: string;
  readonly broker: string;
  readonly vends: boolean;
}

const shopIdsOf = ({ plan, name }: Pick<SetUp, 'plan' | 'name'>) =>
  Array.from({ length: plan.shops }, (_, index) => `${name}-shop-${index}`);

/** Creates the shops, whose ids only an admin may choose. */
export async function openShops(admin: Platform, how: Pick<SetUp, 'plan' | 'name'>): Promise<void> {
  await eachOf(shopIdsOf(how), async (shopId) => {
    const kind = { channels: ['store', 'vending'], timeZone: 'Europe/Berlin', openingHours: [] };
    const shop = { shopId, name: shopId, ...kind };
    await admin.ask(z.unknown(), 'POST', '/shops', shop, [CONFLICT]);
  });
}

/**
 * Registers products and devices, and fills shops and machines, as a seller of the shops or an admin. It may
 * be repeated.
 */
export async function setUp(seller: Platform, how: SetUp): Promise<Fleet> {
  const { plan, seed, name, broker, vends } = how;
  const ledger = new Ledger();
  const shopIds = shopIdsOf(how);
  const shops = shopIds.map((_, shop) => productsIn(plan, shop));
  const goods = await productsCalled(seller, [...new Set(shops.flat())], name);
  const environment = { broker, ledger, goods };
  const inShops = shopIds.flatMap((shopId, shop) =>
    (shops[shop] ?? []).map((product) => ({ shopId, product })),
  );
  await eachOf(inShops, async ({ shopId, product }) => {
    const { productId = '' } = goods.get(product) ?? {};
    ledger.move(shopId, productId, await stockedUp(seller, shopId, productId, roleOf(product)));
    if (vends && roleOf(product) === 'machine') {
      await seller.ask(z.unknown(), 'POST', `/shops/${shopId}/offers`, { productId });
    }
  });

  const register = async (device: DevicePlan) => {
    const shopId = shopIds[device.shop] ?? '';
    const identity = await registered(seller, device, shopId, `${name}-${device.name}`);
    const random = new SeededRandom(seed, device.name);
    return new KINDS[device.kind](device, identity, environment, random);
  };
  const devices = await eachOf(plan.devices, register);
  const machines = devices.filter((device) => device instanceof Machine);
  if (vends) {
    await eachOf(machines, async ({ plan: { products }, identity: { deviceId } }) => {
      const slots = products.map((product, index) => ({
        slot: slotOf(index),
        capacity: CAPACITY,
        productId: goods.get(product)?.productId ?? '',
      }));
      await planMachine(seller, deviceId, slots);
      for (const { slot } of slots) ledger.fill(deviceId, slot, CAPACITY);
    });
  }
  const steady = { shop: 0, hasBadClock: false, counts: false, isRogue: false, leaves: false };
  const probe = await register({ ...steady, name: PROBE, kind: 'shelf', products: [PROBE] });
  if (!(probe instanceof Shelf)) throw new Error('the probe is no shelf');
  return { environment, devices, probe, machines };
}

/** The products of these names; those that do not exist are created, with `owner` in front of the name. */
async function productsCalled(
  seller: Platform,
  names: readonly string[],
  owner: string,
): Promise<Map<string, Goods>> {
  const known = await seller.all(Product, '/products?category=simulated');
  const goods = await eachOf(names, async (product) => {
    const priceMinor = PRICES[roleOf(product)];
    const price = { amount: (priceMinor / 100).toFixed(2), currency: 'EUR' };
    const kind = { description: 'Simulated', category: 'simulated', price };
    const name = `${owner} ${product}`;
    const { productId } =
      known.find((one) => one.name === name) ??
      (await seller.ask(Product, 'POST', '/products', { name, ...kind }));
    return [product, { productId, priceMinor }] as const;
  });
  return new Map(goods);
}

/** Fills a shop up to its opening stock; returns the pieces that it has then. */
async function stockedUp(
  seller: Platform,
  shopId: string,
  productId: string,
  role: keyof typeof OPENING,
): Promise<number> {
  const path = `/inventory/${shopId}/${productId}`;
  const { status, data } = await seller.send('GET', path);
  const stock = status === 404 ? { available: 0, reserved: 0 } : Stock.parse(data);
  const change = OPENING[role] - stock.available;
  if (change > 0) {
    await seller.ask(z.unknown(), 'POST', `${path}/adjustments`, { change, reason: 'opening' });
  }
  return stock.available + stock.reserved + Math.max(change, 0);
}

async function registered(
  seller: Platform,
  { kind, name }: DevicePlan,
  shopId: string,
  deviceId: string,
): Promise<Identity> {
  const body = { shopId, kind, name, deviceId };
  const answer = await seller.send('POST', '/devices', body);
  const { userName, credential } =
    answer.status === CONFLICT
      ? await seller.ask(Registered, 'POST', `/devices/${deviceId}/credential`, { atOnce: true })
      : Registered.parse(answer.data);
  const tenantId = userName.split('/')[0] ?? '';
  return { tenantId, deviceId, shopId, userName, credential };
}

function roleOf(product: string): keyof typeof OPENING {
  if (product.startsWith('machine')) return 'machine';
  return product.startsWith('till') ? 'till' : 'shelf';
}

function productsIn({ devices }: FleetPlan, shop: number): string[] {
  const products = devices.filter((device) => device.shop === shop).flatMap((it) => it.products);
  return [...new Set(shop === 0 ? [...products, PROBE] : products)];
}
