import { describe, expect, it, jest } from '@jest/globals';
import { REQUEST_BUDGET_MS } from '#kit/core/call-context';
import { type Caller, asService } from '#kit/core/caller';
import { ABANDONED_MS } from '#kit/delivery/begun-commands';
import type { CloudEvent } from '#kit/messages/cloud-event';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code, unavailable } from '#kit/core/errors';
import type { CallOptions } from '#kit/testing/testbed-options';
import { OrderConfirmed, OrderCreated, PlaceOrder } from '#contracts/order';
import {
  type Bed,
  FakeServices,
  ann,
  openBed,
  orderOf,
  noAnswer,
  steps,
  orderRequest,
} from './testing';

const place = (
  bed: Bed,
  request: Partial<ReturnType<typeof orderRequest>> = orderRequest(),
  given: CallOptions = {},
) => bed.call('placeOrder', request, { caller: ann, id: 'key-1', ...given });

describe('placing an order', () => {
  it('prices it, fulfils it and returns the outcome', async () => {
    const bed = openBed(new FakeServices());
    const order = await place(bed);
    expect(order).toMatchObject({
      status: 'confirmed',
      shopId: 'shop_1',
      userId: 'ann',
      items: [
        { productId: 'pen', quantity: 2, unitPrice: { amount: '19.99', currency: 'EUR' } },
        { productId: 'ink', quantity: 1, unitPrice: { amount: '5.00', currency: 'EUR' } },
      ],
      totalAmount: { amount: '44.98', currency: 'EUR' },
      paymentId: `pay_${order.orderId}`,
      deliveryId: `delivery_${order.orderId}`,
    });
    expect(order.orderId).toMatch(/^order_[\w-]{22}$/);
    expect(order.reason).toBeUndefined();
  });

  it('returns a cancelled order with its reason', async () => {
    const order = await place(openBed(new FakeServices()), orderRequest({ token: 'tok_declined' }));
    expect(order).toMatchObject({ status: 'cancelled', reason: 'payment_failed' });
  });

  it('writes the order twice: when it is placed and when it is decided', async () => {
    const bed = openBed(new FakeServices());
    const { orderId } = await place(bed);
    const numbers = bed.memory.events
      .filter(({ subject }) => subject === orderId)
      .map(({ type, sequence }) => `${type} ${sequence}`);
    expect(numbers).toEqual([
      'order.place 1',
      'order.created 1',
      'order.confirmed 2',
      'order.status.updated 2',
    ]);
  });

  it('publishes nothing of the request but the id', async () => {
    const bed = openBed(new FakeServices());
    const { orderId } = await place(bed);
    expect(bed.published(PlaceOrder)).toEqual([{ orderId }]);
    expect(JSON.stringify(bed.memory.events)).not.toMatch(/tok_|Ann Example|High Street/);
  });

  it('returns it pending if the caller does not wait, with the first step in its story', async () => {
    const services = new FakeServices();
    const bed = openBed(services);
    services.faults.set('reserve', [noAnswer(Code.UNAVAILABLE)]);
    const { orderId, status } = await place(bed, orderRequest(), { respondAsync: true });
    expect(status).toBe('pending');
    const story = await bed.call('getStory', { orderId }, { caller: ann });
    expect(story.steps).toMatchObject([{ step: 'place', outcome: 'done' }]);
    expect(story.events).toEqual([]);
    await bed.settle();
    expect(await orderOf(bed, orderId)).toMatchObject({ status: 'confirmed' });
  });

  it('returns it pending shortly before the time is over', async () => {
    const services = new FakeServices();
    const bed = openBed(services);
    const deadline = bed.clock.now() + REQUEST_BUDGET_MS;
    services.faults.set(
      'reserve',
      Array.from({ length: 50 }, () => noAnswer(Code.UNAVAILABLE)),
    );
    expect(await place(bed)).toMatchObject({ status: 'pending' });
    expect(deadline - bed.clock.now()).toBeGreaterThanOrEqual(900);
    expect(deadline - bed.clock.now()).toBeLessThan(5_000);
    // a repeated request waits again; there is one order and one command
    services.faults.clear();
    expect(await place(bed)).toMatchObject({ status: 'confirmed' });
    expect(new Set(bed.memory.events.map(({ id }) => id)).size).toBe(4);
  });

  it('ends the same wherever the process crashes', async () => {
    await expectCrashSafe(() => openBed(new FakeServices()), place);
  });

  it('is finished by a sweep if the process dies before its command is published, and no client retries', async () => {
    const undisturbed = openBed(new FakeServices());
    undisturbed.injectFaults({});
    await place(undisturbed, orderRequest(), { respondAsync: true });
    for (let n = 1; n <= undisturbed.sidecar.effects; n++) {
      const services = new FakeServices();
      const bed = openBed(services);
      bed.injectFaults({ crashAfterEffect: n });
      await place(bed, orderRequest(), { respondAsync: true }).catch(() => undefined);
      bed.restart();
      await bed.runtime.sweepBegunCommands();
      bed.clock.advance(ABANDONED_MS);
      await bed.runtime.sweepBegunCommands();
      await bed.settle();
      const drafts = [...bed.memory.documents.keys()].filter((key) => key.startsWith('orders:'));
      // the first effects are the calls of shop and delivery, and the begun command
      expect([n, drafts.length]).toEqual([n, n <= 3 ? 0 : 1]);
      if (n <= 3) continue;
      const orderId = drafts[0]?.split(':')[2] ?? '';
      expect(await bed.context(asService()).orders.get(orderId)).toMatchObject({
        status: 'confirmed',
      });
      expect(bed.published(OrderConfirmed)).toHaveLength(1);
      expect(services.isSold(orderId)).toBe(true);
    }
  });

  it('stores nothing if the catalogue is unavailable', async () => {
    const services = new FakeServices();
    const bed = openBed(services);
    services.faults.set('priceOffers', [noAnswer(Code.UNAVAILABLE)]);
    await expect(place(bed)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    expect(bed.memory.documents.size).toBe(0);
    expect(await place(bed)).toMatchObject({ status: 'confirmed' });
  });

  it('costs no extra read or write for the case that the bus is unavailable', async () => {
    const bed = openBed(new FakeServices());
    const load = jest.spyOn(bed.sidecar, 'load');
    const { orderId } = await place(bed);
    const reads = load.mock.calls.filter(([key]) => key.startsWith('orders:'));
    // in placeOrder, in fulfil, and for the response
    expect(reads).toHaveLength(3);
    const { expires, json } = bed.memory.documents.get(`orders:default:${orderId}`)!;
    expect(expires).toBe(Infinity);
    expect(JSON.parse(json)).not.toHaveProperty('expires');
  });

  it('requires a signed-in caller', async () => {
    const bed = openBed(new FakeServices());
    const caller: Caller = { userId: '', role: 'anonymous', tenantId: 'default' };
    await expect(place(bed, orderRequest(), { caller })).rejects.toMatchObject({
      code: Code.UNAUTHENTICATED,
    });
  });
});

describe('an order whose command is not acknowledged by the bus', () => {
  const DAY_MS = 24 * 3600 * 1000;
  const failedPublish = () => Promise.reject(unavailable('the bus cannot be reached'));

  /** Places it while publishing fails; with `delivered` the bus has the event all the same. */
  async function placeWithoutBus(bed: Bed, delivered = false): Promise<void> {
    const { sidecar } = bed;
    const publish = sidecar.publish.bind(sidecar);
    const broken = jest.spyOn(sidecar, 'publish').mockImplementationOnce(async (event) => {
      if (delivered) await publish(event);
      return failedPublish();
    });
    await expect(place(bed)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    broken.mockRestore();
  }
  const bedAfter = async (services: FakeServices, delivered = false) => {
    const bed = openBed(services);
    await placeWithoutBus(bed, delivered);
    return bed;
  };
  const stored = (bed: Bed) =>
    [...bed.memory.documents].filter(([key]) => key.startsWith('orders:'));
  const order = async (bed: Bed) => {
    const id = stored(bed)[0]?.[0].split(':')[2] ?? '';
    return bed.context(asService()).orders.get(id);
  };
  const aDayLater = (bed: Bed) => {
    bed.clock.advance(DAY_MS + 1_000);
    return order(bed);
  };

  it('expires after a day unless the client retries', async () => {
    const bed = await bedAfter(new FakeServices());
    expect(bed.memory.events).toEqual([]);
    expect(await order(bed)).toMatchObject({ status: 'pending' });
    expect(await aDayLater(bed)).toBeUndefined();
  });

  it('expires after a day wherever the process crashes', async () => {
    await expectCrashSafe(
      () => openBed(new FakeServices()),
      (bed) => {
        jest.spyOn(bed.sidecar, 'publish').mockImplementation(failedPublish);
        return place(bed);
      },
    );
  });

  it('is fulfilled and stored for good if the client retries with its key', async () => {
    const bed = await bedAfter(new FakeServices());
    bed.clock.advance(DAY_MS - 1_000);
    expect(await place(bed)).toMatchObject({ status: 'confirmed' });
    expect(await aDayLater(bed)).toMatchObject({ status: 'confirmed' });
  });

  it('is stored for good after a retry, wherever the process crashes', async () => {
    await expectCrashSafe(() => bedAfter(new FakeServices()), place);
  });

  it('is stored for good after a retry even if the command arrives days later', async () => {
    const bed = await bedAfter(new FakeServices());
    const inFlight: CloudEvent[] = [];
    bed.sidecar.onPublish = (event) => inFlight.push(event);
    await place(bed, orderRequest(), { respondAsync: true });
    expect(await aDayLater(bed)).toMatchObject({ status: 'pending' });
    expect(await bed.deliver({ ...inFlight[0] })).toBe('SUCCESS');
    expect(await order(bed)).toMatchObject({ status: 'confirmed' });
  });

  it.each([
    ['is handled before the order would expire', []],
    ['fails at first', [noAnswer(Code.UNAVAILABLE)]],
  ])('is fulfilled and stored for good if the command was delivered and %s', async (_, faults) => {
    const services = new FakeServices();
    services.faults.set('reserve', faults);
    const bed = await bedAfter(services, true);
    await bed.settle();
    expect(await aDayLater(bed)).toMatchObject({ status: 'confirmed' });
    expect(services.isSold(stored(bed)[0]?.[0].split(':')[2])).toBe(true);
  });

  it('is stored for good before its first step', async () => {
    const services = new FakeServices();
    const bed = await bedAfter(services);
    const orderId = stored(bed)[0]?.[0].split(':')[2] ?? '';
    services.faults.set('reserve', [noAnswer(Code.UNAVAILABLE)]);
    expect(await bed.handleEvent(PlaceOrder, { orderId }, { id: 'place' })).toBe('PARKED');
    expect(await aDayLater(bed)).toMatchObject({ status: 'pending' });
  });
});

describe('an Idempotency-Key', () => {
  it('makes a repeated request the same order, which is fulfilled once', async () => {
    const services = new FakeServices();
    const bed = openBed(services);
    const order = await place(bed);
    const saves = bed.sidecar.saves;
    // even while the catalogue is unavailable
    services.faults.set('priceOffers', [noAnswer(Code.UNAVAILABLE)]);
    expect(await place(bed)).toEqual(order);
    expect(bed.sidecar.saves).toBe(saves);
    expect(bed.memory.events.filter(({ type }) => type === 'order.place')).toHaveLength(1);
  });

  it('makes two concurrent requests the same order', async () => {
    const bed = openBed(new FakeServices());
    const [one, other] = await Promise.all([place(bed), place(bed)]);
    expect(one).toEqual(other);
    expect(bed.published(OrderCreated)).toHaveLength(1);
    expect(bed.published(OrderConfirmed)).toHaveLength(1);
  });

  it.each([
    ['another quantity', orderRequest({ quantity: 3 })],
    ['another token', orderRequest({ token: 'tok_flaky' })],
    ['another address', orderRequest({ country: 'FR' })],
  ])('is refused with another request: %s', async (_, request) => {
    const bed = openBed(new FakeServices());
    const order = await place(bed);
    const refusal = {
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field: 'Idempotency-Key' }] },
    };
    await expect(place(bed, request)).rejects.toMatchObject(refusal);
    await expect(place(bed, request, { caller: { ...ann, userId: 'bob' } })).rejects.toMatchObject(
      refusal,
    );
    expect(await place(bed)).toEqual(order);
  });

  it('that is new creates a new order', async () => {
    const bed = openBed(new FakeServices());
    const one = await place(bed);
    const other = await place(bed, orderRequest(), { id: 'key-2' });
    expect(one.orderId).not.toBe(other.orderId);
    expect(steps(await orderOf(bed, other.orderId))).toHaveLength(4);
  });
});

describe('a request', () => {
  const pen = { productId: 'pen', quantity: 1 };
  const { payment, deliveryAddress } = orderRequest();
  const address = (change: object) => ({ deliveryAddress: { ...deliveryAddress, ...change } });
  const pay = (change: object) => ({ payment: { ...payment, ...change } });

  it.each<[string, string, object]>([
    ['shopId', 'must be 1 to 64', { shopId: 'shop/1' }],
    ['items', 'at least 1', { items: [] }],
    ['items', 'at most 50', { items: Array.from({ length: 51 }, () => pen) }],
    ['items.0.productId', 'must be 1 to 64', { items: [{ quantity: 1 }] }],
    ['items.1.productId', 'appears twice', { items: [pen, pen] }],
    [
      'items.1.productId',
      'is not a known product',
      { items: [pen, { productId: 'ufo', quantity: 1 }] },
    ],
    ['items.0.quantity', 'at least 1', { items: [{ productId: 'pen' }] }],
    ['items.0.quantity', 'at most 1000', { items: [{ ...pen, quantity: 1001 }] }],
    ['items', 'one currency', { items: [pen, { productId: 'tea', quantity: 1 }] }],
    ['payment', 'is missing', { payment: undefined }],
    ['payment.method', 'must be a code', pay({ method: 'My card' })],
    ['payment.token', 'never a card number', pay({ token: '' })],
    ['payment.token', 'never a card number', pay({ token: '4111 1111 1111 1111' })],
    ['payment.token', 'never a card number', pay({ token: '4111111111111111' })],
    ['deliveryAddress', 'is missing', { deliveryAddress: undefined }],
    ['deliveryAddress.name', 'must not be empty', address({ name: ' ' })],
    ['deliveryAddress.line1', 'must not be empty', address({ line1: '' })],
    ['deliveryAddress.line2', 'at most 200', address({ line2: 'x'.repeat(201) })],
    ['deliveryAddress.postalCode', 'must not be empty', address({ postalCode: '' })],
    ['deliveryAddress.city', 'must not be empty', address({ city: '' })],
    ['deliveryAddress.country', 'ISO 3166-1', address({ country: 'Germany' })],
  ])('names %s if it %s', async (field, message, change) => {
    const bed = openBed(new FakeServices());
    const refusal = await place(bed, { ...orderRequest(), ...change }).catch(
      (error: unknown) => error,
    );
    expect(refusal).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field }] },
    });
    expect(String(refusal)).toContain(message);
    expect(String(refusal)).not.toContain('4111');
    expect(bed.memory.documents.size).toBe(0);
    expect(bed.memory.events).toEqual([]);
  });

  it('is refused with all of its invalid fields', async () => {
    const faults = {
      ...orderRequest(),
      shopId: '',
      ...pay({ token: '' }),
      ...address({ city: '' }),
    };
    await expect(place(openBed(new FakeServices()), faults)).rejects.toMatchObject({
      details: {
        fields: [
          { field: 'shopId' },
          { field: 'payment.token' },
          { field: 'deliveryAddress.city' },
        ],
      },
    });
  });
});
