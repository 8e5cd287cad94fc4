import { describe, expect, test } from '@jest/globals';
import { CancelOrder, OrderCancelled, OrderConfirmed, PlaceOrder } from '#contracts/order';
import { type Caller, asService } from '#kit/caller';
import { Crash } from '#kit/memory-sidecar';
import { FakeClock } from '#kit/fake-clock';
import { testbed } from '#kit/testbed';
import type { Payment } from '#proto/retail/payment/v1/payment_pb';
import { delivery } from '../../services/delivery/service';
import { inventory } from '../../services/inventory/service';
import { order } from '../../services/order/service';
import { payment } from '../../services/payment/service';
import { product } from '../../services/product/service';

// The saga over the services as they are, in memory: the process of order is killed after each of
// its effects, and a buyer cancels after each, in another process that may be killed as well.
// However it goes, what the shop, the bank and the carrier have agrees with how the order ended.

const ann: Caller = { userId: 'ann', role: 'customer', tenantId: 'default' };
const price = { amount: '2.00', currency: 'EUR' };
const PIECES = 10;
const delivering = { DELIVERY_HOME: 'DE', DELIVERY_COUNTRIES: ['DE'] };

interface Wish {
  token?: string;
  postalCode?: string;
  quantity?: number;
}

const openOrder = (world: object) => testbed(order, world);
type Bed = ReturnType<typeof openOrder>;

class Market {
  readonly #clock = new FakeClock();
  readonly #inventory = testbed(inventory, { clock: this.#clock });
  readonly #payment = testbed(payment, { clock: this.#clock });
  readonly #delivery = testbed(delivery, { clock: this.#clock, config: delivering });
  readonly #product = testbed(product, { clock: this.#clock });
  readonly order = openOrder({ clock: this.#clock });
  readonly replica = openOrder({ clock: this.#clock, memory: this.order.memory });
  #products: string[] = [];
  orderId = '';

  /** With an order that is placed, and that nobody fulfils yet. */
  static async with({ token = 'tok_ok', postalCode = '10115', quantity = 2 }: Wish) {
    const market = new Market();
    market.#connect();
    for (const name of ['Pen', 'Ink']) {
      const caller: Caller = { userId: 'sam', role: 'seller', tenantId: 'default' };
      const given = { name, category: 'office', price };
      const { productId } = await market.#product.call('createProduct', given, { caller });
      market.#products.push(productId);
      const stock = { shopId: 'shop_1', productId, change: PIECES, reason: 'opening' };
      await market.#inventory.call('adjustStock', stock);
    }
    market.order.sidecar.onPublish = () => undefined;
    const wanted = {
      shopId: 'shop_1',
      items: market.#products.map((productId) => ({ productId, quantity })),
      payment: { method: 'card', token },
      deliveryAddress: {
        name: 'Ann',
        line1: 'Street 1',
        postalCode,
        city: 'Berlin',
        country: 'DE',
      },
    };
    const how = { caller: ann, id: 'key', respondAsync: true };
    market.orderId = (await market.order.call('placeOrder', wanted, how)).orderId;
    market.order.fail({});
    return market;
  }

  fulfil = (bed: Bed) => bed.hear(PlaceOrder, { orderId: this.orderId }, { id: 'place' });

  cancel = (bed: Bed) =>
    bed.hear(CancelOrder, { ...whose(this), reason: 'changed_my_mind' }, { id: 'cancel' });

  /** Until it is acknowledged, as a bus gives it; the process starts again where it died. */
  async deliver(bed: Bed, work: (bed: Bed) => Promise<unknown>): Promise<void> {
    for (let tries = 0; tries < 6; tries++) {
      if (bed.sidecar.dead) bed.restart();
      this.#connect();
      const outcome = await work(bed).catch(dead);
      if (outcome === 'SUCCESS') return;
    }
    throw new Error('never acknowledged');
  }

  /** What each service has of the order. */
  async books() {
    const { orderId } = this;
    const { status, reason, story } = await this.order.context(asService()).orders.need(orderId);
    const stocks = this.#products.map((productId) =>
      this.#inventory.call('getStock', { shopId: 'shop_1', productId }, { caller: ann }),
    );
    const left = (await Promise.all(stocks)).map(({ available, reserved }) => [
      available,
      reserved,
    ]);
    const ledger = JSON.stringify([...this.#payment.memory.documents]);
    const paid = await this.#payment
      .call('getPayment', { paymentId: `pay_${orderId}` })
      .catch(dead);
    const brought = await this.#delivery.call('getDelivery', { orderId }).catch(dead);
    return {
      ...{ status, reason, left },
      kept: keptOf(paid),
      unknownMoney: ledger.includes('"state\\":\\"captured') && paid === undefined,
      delivery: brought === undefined || brought.status === 'cancelled' ? 'none' : brought.status,
      confirmed: this.order.said(OrderConfirmed).length,
      cancelled: this.order.said(OrderCancelled).length,
      steps: story.steps.map(({ step, outcome }) => `${step} ${outcome}`),
      events: story.events.map(({ type }) => type),
    };
  }

  #connect(): void {
    const peers = {
      ...{ inventory: this.#inventory, payment: this.#payment },
      ...{ delivery: this.#delivery, product: this.#product },
    };
    for (const bed of [this.order, this.replica]) bed.sidecar.peers = peers;
  }
}

const whose = ({ orderId }: Market) => ({ orderId, userId: 'ann' });

/** Whether there is something of a payment that was not given back. */
function keptOf(paid: Payment | undefined): boolean {
  return paid?.status === 'captured' && paid.amount?.amount !== paid.refunded?.amount;
}

/** What is not there, or was killed. */
function dead(error: unknown): undefined {
  if (error instanceof Crash || String(error).includes('not found')) return undefined;
  throw error;
}

const sold = {
  left: [
    [8, 0],
    [8, 0],
  ],
  kept: true,
  delivery: 'scheduled',
  confirmed: 1,
  cancelled: 0,
};
const nothing = {
  left: [
    [10, 0],
    [10, 0],
  ],
  kept: false,
  unknownMoney: false,
  delivery: 'none',
};
const cases: [string, Wish, object][] = [
  ['that nothing stands against', {}, sold],
  ['whose payment stumbles', { token: 'tok_flaky' }, sold],
  ['that is out of stock', { quantity: 11 }, { ...nothing, reason: 'out_of_stock' }],
  ['that is declined', { token: 'tok_declined' }, { ...nothing, reason: 'payment_failed' }],
  ['of unknown payment', { token: 'tok_timeout' }, { ...nothing, reason: 'payment_unknown' }],
  ['to nowhere', { postalCode: '00000' }, { ...nothing, reason: 'undeliverable' }],
  [
    'to nowhere, whose refund fails once',
    { postalCode: '00000', token: 'tok_undeliverable_refund_fails_once' },
    { ...nothing, reason: 'undeliverable' },
  ],
];

describe.each(cases)('of an order %s', (_, wish, ending) => {
  test('the books agree, wherever its fulfilment dies', async () => {
    const market = await Market.with(wish);
    await market.deliver(market.order, market.fulfil);
    const undisturbed = await market.books();
    expect(undisturbed).toMatchObject(ending);
    for (let effect = 1; effect <= market.order.sidecar.effects; effect++) {
      const again = await Market.with(wish);
      again.order.fail({ crashAfterEffect: effect });
      await again.deliver(again.order, again.fulfil);
      expect({ effect, ...(await again.books()) }).toEqual({ effect, ...undisturbed });
    }
  });

  test('the books agree, whenever its buyer cancels and whoever dies', async () => {
    const market = await Market.with(wish);
    await market.deliver(market.order, market.fulfil);
    for (let effect = 1; effect <= market.order.sidecar.effects; effect++) {
      for (let kill = 0; kill <= 9; kill++) {
        const again = await Market.with(wish);
        if (kill > 0) again.replica.fail({ crashAfterEffect: kill });
        again.order.sidecar.onEffect = async (done) => {
          if (done === effect) await again.cancel(again.replica).catch(dead);
        };
        await again.deliver(again.order, again.fulfil);
        await again.deliver(again.replica, again.cancel);
        const ended = { effect, kill, status: 'cancelled', cancelled: 1, ...nothing };
        expect({ effect, kill, ...(await again.books()) }).toMatchObject(ended);
      }
    }
  });
});
