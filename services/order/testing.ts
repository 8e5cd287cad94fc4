import { type Caller, asService } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import { FakeClock } from '#kit/testing/fake-clock';
import { type TestbedOptions, testbed } from '#kit/testing/testbed';
import { PlaceOrder } from '#contracts/order';
import { CancelOutcome, ScheduleOutcome } from '#proto/retail/delivery/v1/delivery_pb';
import { CommitOutcome, ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import { placed } from './decisions';
import type { Order } from './domain';
import { order } from './service';

// What the tests of this service share: an order, and the services that it is fulfilled by. They
// are as those that run are: they know each order by its id, and keep what they know.

export const ann: Caller = { userId: 'ann', role: 'customer', tenantId: 'default' };
export const price = { amount: '19.99', currency: 'EUR' };
const CATALOGUE: Readonly<Record<string, typeof price>> = {
  pen: price,
  ink: { amount: '5.00', currency: 'EUR' },
  tea: { amount: '3.00', currency: 'USD' },
};

/** A request to place an order. The token and the country decide what becomes of it. */
export function wish({ token = 'tok_ok', country = 'DE', quantity = 2 } = {}) {
  return {
    shopId: 'shop_1',
    items: [
      { productId: 'pen', quantity },
      { productId: 'ink', quantity: 1 },
    ],
    payment: { method: 'card', token },
    deliveryAddress: {
      ...{ name: 'Ann Example', line1: 'High Street 12', line2: '' },
      ...{ postalCode: '10115', city: 'Berlin', country },
    },
  };
}

/** The order o1 of such a request, as placeOrder keeps it. */
export function pending(wanted = wish(), userId = ann.userId): Order {
  const [pens = 0, inks = 0] = wanted.items.map(({ quantity }) => quantity);
  return placed({
    ...{ orderId: 'o1', userId, fingerprint: 'f', wanted },
    purchase: {
      items: [
        { productId: 'pen', quantity: pens, unitPrice: price },
        { productId: 'ink', quantity: inks, unitPrice: CATALOGUE['ink'] ?? price },
      ],
      totalAmount: { amount: '44.98', currency: 'EUR' },
    },
    step: { step: 'place', outcome: 'done', at: '2026-01-01T00:00:00.000Z', ms: 0 },
  });
}

/** The services that the saga asks, and what each knows of each order. */
export class World {
  readonly stock = new Map<string, 'refused' | 'held' | 'sold' | 'released' | 'returned'>();
  readonly money = new Map<string, 'declined' | 'captured' | 'refunded' | 'voided'>();
  readonly delivery = new Map<string, 'refused' | 'scheduled' | 'delivered' | 'cancelled'>();
  /** Throws from the method of this name, one error for each call, as long as there are any. */
  readonly faults = new Map<string, MicroserviceError[]>();
  readonly clock = new FakeClock();
  #stumbles = 0;

  readonly calls: NonNullable<TestbedOptions<typeof order.definition>['calls']> = {
    product: {
      priceItems: ({ productIds }) => {
        this.#fail('priceItems');
        const prices = productIds.map((productId) => {
          const known = CATALOGUE[productId];
          if (known !== undefined) return { productId, name: productId, price: known };
          throw new MicroserviceError('product not found', Code.NOT_FOUND, { productId });
        });
        return { prices };
      },
    },
    inventory: {
      reserve: ({ orderId, items }) => {
        this.#fail('reserve');
        const short = items.find(({ quantity }) => quantity > 100);
        const known = this.#first(this.stock, orderId, short === undefined ? 'held' : 'refused');
        if (known === 'held') return { outcome: ReserveOutcome.RESERVED };
        const reason = known === 'refused' ? 'out_of_stock' : 'released';
        return { outcome: ReserveOutcome.REFUSED, reason };
      },
      commit: ({ orderId }) => {
        this.#fail('commit');
        if (this.stock.get(orderId) === 'held') this.stock.set(orderId, 'sold');
        const sold = this.stock.get(orderId) === 'sold';
        return { outcome: sold ? CommitOutcome.COMMITTED : CommitOutcome.RELEASED };
      },
      release: ({ orderId, confirmed }) => {
        this.#fail('release');
        const known = this.stock.get(orderId);
        if (known === 'sold' && !confirmed) throw new Error('what is sold is not held');
        if (known !== 'refused' && known !== 'returned') {
          this.stock.set(orderId, confirmed ? 'returned' : 'released');
        }
        return {};
      },
    },
    payment: {
      charge: ({ orderId, token }) => {
        this.#fail('charge');
        if (token === 'tok_flaky' && ++this.#stumbles <= 2) throw silent(Code.UNAVAILABLE);
        const asked = token === 'tok_declined' ? 'declined' : 'captured';
        const status = this.#first(this.money, orderId, asked);
        if (token === 'tok_timeout' && status === 'captured') {
          this.clock.advance(2_500);
          throw silent(Code.DEADLINE_EXCEEDED);
        }
        const reason = status === 'declined' ? 'insufficient_funds' : '';
        return { paymentId: `pay_${orderId}`, status, reason };
      },
      void: ({ orderId }) => {
        this.#fail('void');
        if (this.money.get(orderId) !== 'declined') this.money.set(orderId, 'voided');
        return {};
      },
      refund: ({ target }) => {
        this.#fail('refund');
        if (this.money.get(target.value ?? '') === 'captured') {
          this.money.set(target.value ?? '', 'refunded');
        }
        return {};
      },
    },
    delivery: {
      schedule: ({ orderId, address }) => {
        this.#fail('schedule');
        const asked = address?.country === 'AQ' ? 'refused' : 'scheduled';
        const status = this.#first(this.delivery, orderId, asked);
        const deliveryId = `delivery_${orderId}`;
        if (status === 'scheduled' || status === 'delivered') {
          return { outcome: ScheduleOutcome.SCHEDULED, deliveryId };
        }
        const reason = status === 'refused' ? 'undeliverable' : 'cancelled';
        return { outcome: ScheduleOutcome.REFUSED, reason };
      },
      getDelivery: ({ orderId }) => {
        const status = this.delivery.get(orderId) ?? 'refused';
        if (status === 'refused') throw new MicroserviceError('no delivery', Code.NOT_FOUND);
        return { orderId, status };
      },
      cancel: ({ orderId }) => {
        this.#fail('cancel');
        if (this.delivery.get(orderId) === 'delivered') {
          return { outcome: CancelOutcome.REFUSED, reason: 'delivered' };
        }
        this.delivery.set(orderId, 'cancelled');
        return { outcome: CancelOutcome.CANCELLED };
      },
    },
  };

  /** Whether the buyer has paid and gets the goods; and that there is nothing in between. */
  sold(orderId = 'o1'): boolean {
    const goods = this.stock.get(orderId) === 'sold';
    const money = this.money.get(orderId) === 'captured';
    const brought = ['scheduled', 'delivered'].includes(this.delivery.get(orderId) ?? '');
    if (goods !== money || money !== brought || this.stock.get(orderId) === 'held') {
      throw new Error(`half an order: ${JSON.stringify([...this.#known(orderId)])}`);
    }
    return goods;
  }

  *#known(orderId: string) {
    yield* [this.stock, this.money, this.delivery].map((known) => known.get(orderId));
  }

  #first<T>(known: Map<string, T>, orderId: string, answer: T): T {
    const first = known.get(orderId) ?? answer;
    known.set(orderId, first);
    return first;
  }

  #fail(method: string): void {
    const error = this.faults.get(method)?.shift();
    if (error !== undefined) throw error;
  }
}

export function silent(code: Code): MicroserviceError {
  return new MicroserviceError('no answer', code);
}

export const bedIn = (world: World) => testbed(order, { calls: world.calls, clock: world.clock });
export type Bed = ReturnType<typeof bedIn>;

/** A second process of the service in the same world. */
export function replicaOf(bed: Bed, world: World): Bed {
  return testbed(order, { calls: world.calls, clock: world.clock, memory: bed.memory });
}

/** A service that has kept the order o1 and has not begun to fulfil it. */
export async function bedWith(kept: Order, world = new World()): Promise<Bed> {
  const bed = bedIn(world);
  await bed.context(asService()).orders.update(kept.orderId, () => kept);
  // effects are counted from here
  bed.injectFaults({});
  return bed;
}

export function orderOf(bed: Bed, orderId = 'o1'): Promise<Order> {
  return bed.context(asService()).orders.getOrThrow(orderId);
}

/** The story in short: `charge declined`. */
export function steps({ story }: Order): string[] {
  return story.steps.map(({ step, outcome }) => `${step} ${outcome}`);
}

/** Gives the command to fulfil the order o1. */
export function fulfil(bed: Bed) {
  return bed.handleEvent(PlaceOrder, { orderId: 'o1' }, { id: 'place' });
}

/** Such an order, after it was fulfilled as far as it could be. */
export async function fulfilled(wanted = wish(), world = new World()) {
  const bed = await bedWith(pending(wanted), world);
  if ((await fulfil(bed)) !== 'SUCCESS') throw new Error('not acknowledged');
  return { bed, world, order: await orderOf(bed) };
}
