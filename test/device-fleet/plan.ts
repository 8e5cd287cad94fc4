import { Chance } from '../chaos/chance';

export type DeviceKind = 'vending_machine' | 'shelf' | 'gateway';

/** A device as it shall be, before anybody knows it. */
export interface DevicePlan {
  readonly name: string;
  readonly kind: DeviceKind;
  /** Which of the shops it is in, from 0. */
  readonly shop: number;
  /** What it sells or holds, by the names of products; of a machine, a slot for each. */
  readonly products: readonly string[];
  /** Its clock is so many milliseconds ahead of the platform's, or behind. */
  readonly skewMs: number;
  /** A shelf that counts, and of which pieces go that nobody tells of. */
  readonly counts: boolean;
  /** It sends what it should not. */
  readonly isRogue: boolean;
  /** It goes for good before the end. */
  readonly leaves: boolean;
}

export interface FleetPlan {
  readonly shops: number;
  readonly devices: readonly DevicePlan[];
}

/** In a shop, in this order, so that a small fleet has one of each. */
const IN_A_SHOP: readonly DeviceKind[] = Array.from({ length: 5 }, (): DeviceKind[] => [
  ...['shelf' as const, 'vending_machine' as const, 'gateway' as const],
  ...['shelf' as const, 'vending_machine' as const],
]).flat();

const SLOTS = 3;
const PRODUCTS = { vending_machine: 5, gateway: 3 };
const FAST_MS = 60_000;
const SLOW_MS = 5 * 60_000;

const MACHINE_PRODUCTS = numbered('machine', PRODUCTS.vending_machine);
const TILL_PRODUCTS = numbered('till', PRODUCTS.gateway);

function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index}`);
}

/** Which devices there are and how they are; the same seed gives the same. */
export function fleetPlan(seed: number, count: number): FleetPlan {
  const devices = Array.from({ length: count }, (_, index): DevicePlan => {
    const place = index % IN_A_SHOP.length;
    const kind = IN_A_SHOP[place] ?? 'shelf';
    const chance = new Chance(seed, `plan ${index}`);
    const shelf = IN_A_SHOP.slice(0, place).filter((other) => other === 'shelf').length;
    return {
      ...{ name: `${kind}-${index}`, kind, shop: Math.floor(index / IN_A_SHOP.length) },
      products: productsOf(kind, shelf, chance),
      // a machine's clock decides whether a command has expired
      skewMs: kind !== 'vending_machine' && chance.likely(0.3) ? chance.int(-SLOW_MS, FAST_MS) : 0,
      counts: kind === 'shelf' && chance.likely(0.5),
      isRogue: chance.likely(0.2),
      leaves: index > IN_A_SHOP.length && chance.likely(0.04),
    };
  });
  return { shops: Math.ceil(count / IN_A_SHOP.length), devices };
}

function productsOf(kind: DeviceKind, shelf: number, chance: Chance): string[] {
  // one of its own, as one who counts counts all there is of it in a shop
  if (kind === 'shelf') return [`shelf-${shelf}`];
  if (kind === 'gateway') return [...TILL_PRODUCTS];
  return chance.shuffled(MACHINE_PRODUCTS).slice(0, SLOTS);
}

export const slotOf = (index: number) => `A${index + 1}`;
