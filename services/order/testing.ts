import { type Caller, asService } from '#kit/core/caller';
import { Code, MicroserviceError, refused } from '#kit/core/errors';
import { toTimestamp } from '#kit/core/timestamps';
import { FakeClock } from '#kit/testing/fake-clock';
import { type TestbedOptions } from '#kit/testing/testbed-options';
import { testbed } from '#kit/testing/testbed';
import { PlaceOrder } from '#contracts/order';
import { CancelOutcome, ScheduleOutcome } from '#proto/retail/delivery/v1/delivery_pb';
import { CommitOutcome, ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import { newOrder } from './transitions';
import type { Channel, Order } from './domain';
import { order } from './service';

// Shared by the tests of this service: an order, and fakes of the services that its saga calls. Like
// the real ones, the fakes are idempotent by orderId and keep their state across restarts.

export const sally: Caller = { userId: 'sally', role: 'seller', tenantId: 'default' };
export const bob: Caller = { userId: 'bob', role: 'seller', tenantId: 'default' };
/** When a delivery arrived. */
export const HANDED_OVER_AT = '2026-01-03T12:00:00.000Z';
export const ann: Caller = { userId: 'ann', role: 'customer', tenantId: 'default' };
export const price = { amount: '19.99', currency: 'EUR' };
const CATALOGUE: Readonly<Record<string, typeof price>> = {
  pen: price,
  ink: { amount: '5.00', currency: 'EUR' },
  tea: { amount: '3.00', currency: 'USD' },
};

interface RequestOptions {
  token?: string;
  country?: string;
  quantity?: number;
  channel?: Channel;
}

/** A body of placeOrder. Its token, country and quantity decide how the saga ends. */
export function orderRequest(options: RequestOptions = {}) {
  const { token = 'tok_ok', country = 'DE', quantity = 2, channel = 'online' } = options;
  return {
    shopId: 'shop_1',
    channel,
    items: [
      { productId: 'pen', quantity },
      { productId: 'ink', quantity: 1 },
    ],
    payment: { method: 'card', token },
    deliveryAddress: {
      name: 'Ann Example',
      line1: 'High Street 12',
      line2: '',
      postalCode: '10115',
      city: 'Berlin',
      country,
    },
  };
}

/** The order o1 of such a request, as placeOrder stores it. */
export function pendingOrder(request = orderRequest(), userId = ann.userId): Order {
  const [pens = 0, inks = 0] = request.items.map(({ quantity }) => quantity);
  return newOrder({
    orderId: 'o1',
    userId,
    fingerprint: 'f',
    request,
    priced: {
      items: [
        { productId: 'pen', quantity: pens, unitPrice: price },
        { productId: 'ink', quantity: inks, unitPrice: CATALOGUE['ink'] ?? price },
      ],
      totalAmount: { amount: '44.98', currency: 'EUR' },
      pickupHoldHours: 72,
      returnDays: 14,
    },
    step: { step: 'place', outcome: 'done', at: '2026-01-01T00:00:00.000Z', ms: 0 },
  });
}

/** The services that the saga calls, with the state of each order in each of them. */
export class FakeServices {
  readonly stock = new Map<string, 'refused' | 'held' | 'sold' | 'released' | 'returned'>();
  readonly money = new Map<string, 'declined' | 'captured' | 'refunded' | 'voided'>();
  readonly delivery = new Map<
    string,
    'refused' | 'scheduled' | 'picked_up' | 'in_transit' | 'delivered' | 'cancelled'
  >();
  /** The pieces that were taken back, and the amounts that were refunded, by the id of the return. */
  readonly takenBack = new Map<string, Readonly<Record<string, number>>>();
  readonly refunds = new Map<string, string>();
  /** What the shop and the carrier decide. */
  terms: {
    deliveryPaidBy: 'shop' | 'buyer';
    opensAt?: string;
    /** Refuses every order. */
    refusal?: MicroserviceError;
    deliveryPrice?: string;
  } = { deliveryPaidBy: 'shop', deliveryPrice: '4.90' };
  /** Errors by method name: each call of the method throws the next one, until none is left. */
  readonly faults = new Map<string, MicroserviceError[]>();
  readonly clock = new FakeClock();
  #flakyCharges = 0;

  readonly calls: NonNullable<TestbedOptions<typeof order.definition>['calls']> = {
    shop: {
      priceOffers: ({ shopId, productIds }) => {
        this.#fail('priceOffers');
        const { deliveryPaidBy, opensAt, refusal } = this.terms;
        if (refusal !== undefined) throw refusal;
        const offers = productIds.map((productId) => {
          const known = CATALOGUE[productId];
          if (known !== undefined) return { shopId, productId, name: productId, price: known };
          const details = { reason: 'product_not_found', productId };
          throw new MicroserviceError('product not found', Code.NOT_FOUND, details);
        });
        const terms = {
          deliveryPaidBy,
          pickupHoldHours: 72,
          returnDays: 14,
          ...(opensAt === undefined ? {} : { opensAt: toTimestamp(opensAt) }),
        };
        return { offers, terms };
      },
      mayManage: (_, { callContext }) => ({ allowed: callContext.caller.userId === sally.userId }),
    },
    inventory: {
      reserve: ({ orderId, items }) => {
        this.#fail('reserve');
        const short = items.find(({ quantity }) => quantity > 100);
        const known = this.#answerOnce(
          this.stock,
          orderId,
          short === undefined ? 'held' : 'refused',
        );
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
        if (known === 'sold' && !confirmed)
          throw new Error('committed items are released only for a confirmed order');
        if (known !== 'refused' && known !== 'returned') {
          this.stock.set(orderId, confirmed ? 'returned' : 'released');
        }
        return {};
      },
      takeBack: ({ returnId, items }) => {
        this.#fail('takeBack');
        const pieces = items.map(({ productId, quantity }) => [productId, quantity]);
        this.takenBack.set(returnId, Object.fromEntries(pieces) as Record<string, number>);
        return {};
      },
    },
    payment: {
      charge: ({ orderId, token }) => {
        this.#fail('charge');
        if (token === 'tok_flaky' && ++this.#flakyCharges <= 2) throw noAnswer(Code.UNAVAILABLE);
        const outcome = token === 'tok_declined' ? 'declined' : 'captured';
        const status = this.#answerOnce(this.money, orderId, outcome);
        if (token === 'tok_timeout' && status === 'captured') {
          this.clock.advance(2_500);
          throw noAnswer(Code.DEADLINE_EXCEEDED);
        }
        const reason = status === 'declined' ? 'insufficient_funds' : '';
        return { paymentId: `pay_${orderId}`, status, reason };
      },
      void: ({ orderId }) => {
        this.#fail('void');
        if (this.money.get(orderId) !== 'declined') this.money.set(orderId, 'voided');
        return {};
      },
      refund: ({ target, amount, key }) => {
        this.#fail('refund');
        const paymentId = `pay_${target.value ?? ''}`;
        if (key !== undefined && amount !== undefined) {
          this.refunds.set(key, amount.amount);
          return { paymentId, refunds: [{ refundId: `${paymentId}_${key}`, amount }] };
        }
        if (this.money.get(target.value ?? '') === 'captured') {
          this.money.set(target.value ?? '', 'refunded');
        }
        return {};
      },
    },
    delivery: {
      // US is not served; FR was served when the order was placed, and is no longer when it is scheduled
      priceDelivery: ({ shopId, address, quoteId, currency }) => {
        this.#fail('priceDelivery');
        if (quoteId?.startsWith('quote_')) {
          throw refused(quoteId, 'the quote does not hold');
        }
        if (address?.country === 'US') {
          return { shopId, reachable: false, reason: 'country_not_served' };
        }
        const { deliveryPrice: amount } = this.terms;
        const price = amount === undefined ? {} : { price: { amount, currency } };
        return { shopId, reachable: true, ...price };
      },
      schedule: ({ orderId, address }) => {
        this.#fail('schedule');
        const outcome = address?.country === 'FR' ? 'refused' : 'scheduled';
        const status = this.#answerOnce(this.delivery, orderId, outcome);
        const deliveryId = `delivery_${orderId}`;
        if (status !== 'refused' && status !== 'cancelled') {
          return { outcome: ScheduleOutcome.SCHEDULED, deliveryId };
        }
        const reason = status === 'refused' ? 'undeliverable' : 'cancelled';
        return { outcome: ScheduleOutcome.REFUSED, reason };
      },
      getDelivery: ({ orderId }) => {
        const status = this.delivery.get(orderId) ?? 'refused';
        if (status === 'refused') throw new MicroserviceError('no delivery', Code.NOT_FOUND);
        return { orderId, status, updatedAt: toTimestamp(HANDED_OVER_AT) };
      },
      cancel: ({ orderId, recall }) => {
        this.#fail('cancel');
        const status = this.delivery.get(orderId);
        const hasLeft = status === 'picked_up' || status === 'in_transit';
        if (status === 'delivered' || (hasLeft && !recall)) {
          return { outcome: CancelOutcome.REFUSED, reason: status };
        }
        this.delivery.set(orderId, 'cancelled');
        return { outcome: CancelOutcome.CANCELLED };
      },
    },
  };

  /** Whether the sale is complete: items, money and delivery. Throws if only a part of it is. */
  isSold(orderId = 'o1'): boolean {
    const items = this.stock.get(orderId) === 'sold';
    const money = this.money.get(orderId) === 'captured';
    const delivered = ['scheduled', 'delivered'].includes(this.delivery.get(orderId) ?? '');
    if (items !== money || money !== delivered || this.stock.get(orderId) === 'held') {
      throw new Error(`an incomplete sale: ${JSON.stringify([...this.#stateOf(orderId)])}`);
    }
    return items;
  }

  *#stateOf(orderId: string) {
    yield* [this.stock, this.money, this.delivery].map((known) => known.get(orderId));
  }

  #answerOnce<T>(known: Map<string, T>, orderId: string, answer: T): T {
    const first = known.get(orderId) ?? answer;
    known.set(orderId, first);
    return first;
  }

  #fail(method: string): void {
    const error = this.faults.get(method)?.shift();
    if (error !== undefined) throw error;
  }
}

export function noAnswer(code: Code): MicroserviceError {
  return new MicroserviceError('no answer', code);
}

export const openBed = (services: FakeServices) =>
  testbed(order, { calls: services.calls, clock: services.clock });
export type Bed = ReturnType<typeof openBed>;

/** Another replica of the service, with the same documents and services. */
export function replicaOf(bed: Bed, services: FakeServices): Bed {
  return testbed(order, { calls: services.calls, clock: services.clock, memory: bed.memory });
}

/** The service with this order stored, before it is fulfilled. */
export async function bedWith(stored: Order, services = new FakeServices()): Promise<Bed> {
  const bed = openBed(services);
  await bed.context(asService()).orders.update(stored.orderId, () => stored);
  // injected faults count effects from here
  bed.injectFaults({});
  return bed;
}

export function orderOf(bed: Bed, orderId = 'o1'): Promise<Order> {
  return bed.context(asService()).orders.getOrThrow(orderId);
}

/** The steps of the saga log in short: `charge declined`. */
export function steps({ story }: Order): string[] {
  return story.steps.map(({ step, outcome }) => `${step} ${outcome}`);
}

/** Delivers the command to fulfil the order o1. */
export function fulfil(bed: Bed) {
  return bed.handleEvent(PlaceOrder, { orderId: 'o1' }, { id: 'place' });
}

/** An order of this request, after its fulfilment ended. */
export async function fulfilled(request = orderRequest(), services = new FakeServices()) {
  const bed = await bedWith(pendingOrder(request), services);
  if ((await fulfil(bed)) !== 'SUCCESS') throw new Error('not acknowledged');
  return { bed, services, order: await orderOf(bed) };
}
