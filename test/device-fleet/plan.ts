import { SeededRandom } from '../tools/seeded-random';

export type DeviceKind = 'vending_machine' | 'shelf' | 'gateway';

/** A device before it is registered. */
export interface DevicePlan {
  readonly name: string;
  readonly kind: DeviceKind;
  /** Which of the shops it is in, from 0. */
  readonly shop: number;
  /** The names of the products that it sells or holds; a machine has a slot for each. */
  readonly products: readonly string[];
  /** It has no clock that keeps running: see Device.setClock. */
  readonly hasBadClock: boolean;
  /** A shelf that reports counts, and from which pieces are stolen. */
  readonly counts: boolean;
  /** It sends messages that the platform must refuse. */
  readonly isRogue: boolean;
  /** It leaves for good before the end. */
  readonly leaves: boolean;
}

export interface FleetPlan {
  readonly shops: number;
  readonly devices: readonly DevicePlan[];
}

/** The devices of a shop, in an order in which a small fleet has one of each kind. */
const IN_A_SHOP: readonly DeviceKind[] = Array.from({ length: 5 }, (): DeviceKind[] => [
  'shelf',
  'vending_machine',
  'gateway',
  'shelf',
  'vending_machine',
]).flat();

const SLOTS = 3;
const PRODUCTS = { vending_machine: 5, gateway: 3 };
const MACHINE_PRODUCTS = numbered('machine', PRODUCTS.vending_machine);
const TILL_PRODUCTS = numbered('till', PRODUCTS.gateway);

function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index}`);
}

/** The devices of a fleet; the same seed gives the same plan. */
export function fleetPlan(seed: number, count: number): FleetPlan {
  const devices = Array.from({ length: count }, (_, index): DevicePlan => {
    const place = index % IN_A_SHOP.length;
    const kind = IN_A_SHOP[place] ?? 'shelf';
    const random = new SeededRandom(seed, `plan ${index}`);
    const shelf = IN_A_SHOP.slice(0, place).filter((other) => other === 'shelf').length;
    return {
      name: `${kind}-${index}`,
      kind,
      shop: Math.floor(index / IN_A_SHOP.length),
      products: productsOf(kind, shelf, random),
      hasBadClock: random.likely(0.3),
      counts: kind === 'shelf' && random.likely(0.5),
      isRogue: random.likely(0.2),
      leaves: index > IN_A_SHOP.length && random.likely(0.04),
    };
  });
  return { shops: Math.ceil(count / IN_A_SHOP.length), devices };
}

function productsOf(kind: DeviceKind, shelf: number, random: SeededRandom): string[] {
  // a product of its own, as its counts are of all pieces of the product in the shop
  if (kind === 'shelf') return [`shelf-${shelf}`];
  if (kind === 'gateway') return [...TILL_PRODUCTS];
  return random.shuffled(MACHINE_PRODUCTS).slice(0, SLOTS);
}

export const slotOf = (index: number) => `A${index + 1}`;
