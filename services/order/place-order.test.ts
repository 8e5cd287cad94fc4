import { describe, expect, it, jest } from '@jest/globals';
import { type Caller, asService } from '#kit/core/caller';
import type { CloudEvent } from '#kit/messages/cloud-event';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code, unavailable } from '#kit/core/errors';
import type { CallOptions } from '#kit/testing/testbed';
import { OrderConfirmed, OrderCreated, PlaceOrder } from '#contracts/order';
import { type Bed, World, ann, bedIn, orderOf, silent, steps, wish } from './testing';

const place = (
  bed: Bed,
  wanted: Partial<ReturnType<typeof wish>> = wish(),
  given: CallOptions = {},
) => bed.call('placeOrder', wanted, { caller: ann, id: 'key-1', ...given });

describe('placing an order', () => {
  it('prices it, has it fulfilled, and answers how that ended', async () => {
    const bed = bedIn(new World());
    const order = await place(bed);
    expect(order).toMatchObject({
      ...{ status: 'confirmed', shopId: 'shop_1', userId: 'ann' },
      items: [
        { productId: 'pen', quantity: 2, unitPrice: { amount: '19.99', currency: 'EUR' } },
        { productId: 'ink', quantity: 1, unitPrice: { amount: '5.00', currency: 'EUR' } },
      ],
      totalAmount: { amount: '44.98', currency: 'EUR' },
      ...{ paymentId: `pay_${order.orderId}`, deliveryId: `delivery_${order.orderId}` },
    });
    expect(order.orderId).toMatch(/^order_[\w-]{22}$/);
    expect(order.reason).toBeUndefined();
  });

  it('answers a cancelled order as an order, with its reason', async () => {
    const order = await place(bedIn(new World()), wish({ token: 'tok_declined' }));
    expect(order).toMatchObject({ status: 'cancelled', reason: 'payment_failed' });
  });

  it('writes the order twice: as it was placed, and as it ended', async () => {
    const bed = bedIn(new World());
    const { orderId } = await place(bed);
    const numbers = bed.memory.events
      .filter(({ subject }) => subject === orderId)
      .map(({ type, sequence }) => `${type} ${sequence}`);
    expect(numbers).toEqual([
      ...['order.place 1', 'order.created 1', 'order.confirmed 2', 'order.status.updated 2'],
    ]);
  });

  it('tells the bus nothing but the id', async () => {
    const bed = bedIn(new World());
    const { orderId } = await place(bed);
    expect(bed.published(PlaceOrder)).toEqual([{ orderId }]);
    expect(JSON.stringify(bed.memory.events)).not.toMatch(/tok_|Ann Example|High Street/);
  });

  it('answers it pending where nobody waits, with what is known of its story', async () => {
    const world = new World();
    const bed = bedIn(world);
    world.faults.set('reserve', [silent(Code.UNAVAILABLE)]);
    const { orderId, status } = await place(bed, wish(), { respondAsync: true });
    expect(status).toBe('pending');
    const story = await bed.call('getStory', { orderId }, { caller: ann });
    expect(story.steps).toMatchObject([{ step: 'place', outcome: 'done' }]);
    expect(story.events).toEqual([]);
    await bed.settle();
    expect(await orderOf(bed, orderId)).toMatchObject({ status: 'confirmed' });
  });

  it('answers it pending where the time is over', async () => {
    const world = new World();
    const bed = bedIn(world);
    world.faults.set(
      'reserve',
      Array.from({ length: 50 }, () => silent(Code.UNAVAILABLE)),
    );
    expect(await place(bed)).toMatchObject({ status: 'pending' });
    // asked again, it waits again; there is one order and one command
    world.faults.clear();
    expect(await place(bed)).toMatchObject({ status: 'confirmed' });
    expect(new Set(bed.memory.events.map(({ id }) => id)).size).toBe(4);
  });

  it('ends the same wherever the process dies', async () => {
    await expectCrashSafe(() => bedIn(new World()), place);
  });

  it('keeps nothing of what cannot be priced now', async () => {
    const world = new World();
    const bed = bedIn(world);
    world.faults.set('priceItems', [silent(Code.UNAVAILABLE)]);
    await expect(place(bed)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    expect(bed.memory.documents.size).toBe(0);
    expect(await place(bed)).toMatchObject({ status: 'confirmed' });
  });

  it('costs no more for what becomes of it where there is no bus', async () => {
    const bed = bedIn(new World());
    const load = jest.spyOn(bed.sidecar, 'load');
    const { orderId } = await place(bed);
    const reads = load.mock.calls.filter(([key]) => key.startsWith('orders:'));
    // as it is asked for, as it is fulfilled, and as it is answered
    expect(reads).toHaveLength(3);
    const { expires, json } = bed.memory.documents.get(`orders:default:${orderId}`)!;
    expect(expires).toBe(Infinity);
    expect(JSON.parse(json)).not.toHaveProperty('expires');
  });

  it('is for who is logged in', async () => {
    const bed = bedIn(new World());
    const caller: Caller = { userId: '', role: 'anonymous', tenantId: 'default' };
    await expect(place(bed, wish(), { caller })).rejects.toMatchObject({
      code: Code.UNAUTHENTICATED,
    });
  });
});

describe('an order whose command the bus does not acknowledge', () => {
  const DAY_MS = 24 * 3600 * 1000;
  const gone = () => Promise.reject(unavailable('the bus cannot be reached'));

  /** Places it while the bus is away, or takes what it does not acknowledge. */
  async function refused(bed: Bed, takes = false): Promise<void> {
    const { sidecar } = bed;
    const publish = sidecar.publish.bind(sidecar);
    const away = jest.spyOn(sidecar, 'publish').mockImplementationOnce(async (event) => {
      if (takes) await publish(event);
      return gone();
    });
    await expect(place(bed)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    away.mockRestore();
  }
  const bedAfter = async (world: World, takes = false) => {
    const bed = bedIn(world);
    await refused(bed, takes);
    return bed;
  };
  const kept = (bed: Bed) => [...bed.memory.documents].filter(([key]) => key.startsWith('orders:'));
  const order = async (bed: Bed) => {
    const id = kept(bed)[0]?.[0].split(':')[2] ?? '';
    return bed.context(asService()).orders.get(id);
  };
  const aDayLater = (bed: Bed) => {
    bed.clock.advance(DAY_MS + 1_000);
    return order(bed);
  };

  it('is gone after a day where nobody asks for it again', async () => {
    const bed = await bedAfter(new World());
    expect(bed.memory.events).toEqual([]);
    expect(await order(bed)).toMatchObject({ status: 'pending' });
    expect(await aDayLater(bed)).toBeUndefined();
  });

  it('is gone after a day wherever the process dies', async () => {
    await expectCrashSafe(
      () => bedIn(new World()),
      (bed) => {
        jest.spyOn(bed.sidecar, 'publish').mockImplementation(gone);
        return place(bed);
      },
    );
  });

  it('is fulfilled and stays where it is asked for again under its key', async () => {
    const bed = await bedAfter(new World());
    bed.clock.advance(DAY_MS - 1_000);
    expect(await place(bed)).toMatchObject({ status: 'confirmed' });
    expect(await aDayLater(bed)).toMatchObject({ status: 'confirmed' });
  });

  it('stays where it is asked for again, wherever the process dies', async () => {
    await expectCrashSafe(() => bedAfter(new World()), place);
  });

  it('stays where it is asked for again, and its command comes only days later', async () => {
    const bed = await bedAfter(new World());
    const onItsWay: CloudEvent[] = [];
    bed.sidecar.onPublish = (event) => onItsWay.push(event);
    await place(bed, wish(), { respondAsync: true });
    expect(await aDayLater(bed)).toMatchObject({ status: 'pending' });
    expect(await bed.deliver({ ...onItsWay[0] })).toBe('SUCCESS');
    expect(await order(bed)).toMatchObject({ status: 'confirmed' });
  });

  it.each([
    ['is done before it is let go', []],
    ['fails first', [silent(Code.UNAVAILABLE)]],
  ])('is fulfilled and stays where the command is on its way, and %s', async (_, faults) => {
    const world = new World();
    world.faults.set('reserve', faults);
    const bed = await bedAfter(world, true);
    await bed.settle();
    expect(await aDayLater(bed)).toMatchObject({ status: 'confirmed' });
    expect(world.sold(kept(bed)[0]?.[0].split(':')[2])).toBe(true);
  });

  it('is kept before anything is done for it', async () => {
    const world = new World();
    const bed = await bedAfter(world);
    const orderId = kept(bed)[0]?.[0].split(':')[2] ?? '';
    world.faults.set('reserve', [silent(Code.UNAVAILABLE)]);
    expect(await bed.handleEvent(PlaceOrder, { orderId }, { id: 'place' })).toBe('RETRY');
    expect(await aDayLater(bed)).toMatchObject({ status: 'pending' });
  });
});

describe('an Idempotency-Key', () => {
  it('makes the same request the same order, which is fulfilled once', async () => {
    const world = new World();
    const bed = bedIn(world);
    const order = await place(bed);
    const saves = bed.sidecar.saves;
    // even if its products can no longer be asked for
    world.faults.set('priceItems', [silent(Code.UNAVAILABLE)]);
    expect(await place(bed)).toEqual(order);
    expect(bed.sidecar.saves).toBe(saves);
    expect(bed.memory.events.filter(({ type }) => type === 'order.place')).toHaveLength(1);
  });

  it('makes two requests at once the same order', async () => {
    const bed = bedIn(new World());
    const [one, other] = await Promise.all([place(bed), place(bed)]);
    expect(one).toEqual(other);
    expect(bed.published(OrderCreated)).toHaveLength(1);
    expect(bed.published(OrderConfirmed)).toHaveLength(1);
  });

  it.each([
    ['another quantity', wish({ quantity: 3 })],
    ['another token', wish({ token: 'tok_flaky' })],
    ['another address', wish({ country: 'FR' })],
  ])('is refused with another order: %s', async (_, wanted) => {
    const bed = bedIn(new World());
    const order = await place(bed);
    const refusal = {
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field: 'Idempotency-Key' }] },
    };
    await expect(place(bed, wanted)).rejects.toMatchObject(refusal);
    await expect(place(bed, wanted, { caller: { ...ann, userId: 'bob' } })).rejects.toMatchObject(
      refusal,
    );
    expect(await place(bed)).toEqual(order);
  });

  it('that is new makes a new order', async () => {
    const bed = bedIn(new World());
    const one = await place(bed);
    const other = await place(bed, wish(), { id: 'key-2' });
    expect(one.orderId).not.toBe(other.orderId);
    expect(steps(await orderOf(bed, other.orderId))).toHaveLength(4);
  });
});

describe('a request', () => {
  const pen = { productId: 'pen', quantity: 1 };
  const { payment, deliveryAddress } = wish();
  const address = (change: object) => ({ deliveryAddress: { ...deliveryAddress, ...change } });
  const pay = (change: object) => ({ payment: { ...payment, ...change } });

  it.each<[string, string, object]>([
    ['shopId', 'must be 1 to 64', { shopId: 'shop/1' }],
    ['items', 'at least 1', { items: [] }],
    ['items', 'at most 50', { items: Array.from({ length: 51 }, () => pen) }],
    ['items.0.productId', 'must be 1 to 64', { items: [{ quantity: 1 }] }],
    ['items.1.productId', 'is there twice', { items: [pen, pen] }],
    ['items.1.productId', 'is no product', { items: [pen, { productId: 'ufo', quantity: 1 }] }],
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
  ])('names %s where it %s', async (field, message, change) => {
    const bed = bedIn(new World());
    const refusal = await place(bed, { ...wish(), ...change }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field }] },
    });
    expect(String(refusal)).toContain(message);
    expect(String(refusal)).not.toContain('4111');
    expect(bed.memory.documents.size).toBe(0);
    expect(bed.memory.events).toEqual([]);
  });

  it('names every fault at once', async () => {
    const faults = { ...wish(), shopId: '', ...pay({ token: '' }), ...address({ city: '' }) };
    await expect(place(bedIn(new World()), faults)).rejects.toMatchObject({
      details: {
        fields: [
          ...[{ field: 'shopId' }, { field: 'payment.token' }, { field: 'deliveryAddress.city' }],
        ],
      },
    });
  });
});
