import { describe, expect, it } from '@jest/globals';
import { Code } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { DecideReturn, ReceiveReturn, RequestReturn, ReturnUpdated } from '#contracts/order';
import type { Return } from '#proto/retail/order/v1/order_pb';
import type { Order } from './domain';
import {
  type Bed,
  FakeServices,
  HANDED_OVER_AT,
  ann,
  bedWith,
  bob,
  fulfil,
  fulfilled,
  orderOf,
  orderRequest,
  pendingOrder,
  replicaOf,
  sally,
  steps,
} from './testing';

const PEN = { productId: 'pen', quantity: 1 };
const DAY_MS = 24 * 3_600_000;

/** An order of two pens at 19.99 and one ink at 5.00, whose parcel has this status. */
async function ordered(
  delivery: 'scheduled' | 'picked_up' | 'in_transit' | 'delivered' | 'cancelled' = 'delivered',
  more: Partial<Order> = {},
) {
  const services = new FakeServices();
  const bed = await bedWith({ ...pendingOrder(), ...more }, services);
  await fulfil(bed);
  services.delivery.set('o1', delivery);
  bed.clock.advance(Math.max(0, Date.parse(HANDED_OVER_AT) + DAY_MS - bed.clock.now()));
  return { bed, services };
}

const request = (bed: Bed, items: object[] = [], id = 'r1', caller = ann) =>
  bed.call('requestReturn', { orderId: 'o1', items, reason: 'damaged' }, { caller, id });
const receive = (bed: Bed, { returnId }: Return, caller = sally) =>
  bed.call('receiveReturn', { orderId: 'o1', returnId }, { caller, id: `receive ${returnId}` });
const decide = (bed: Bed, { returnId }: Return, items: object[] = [], caller = sally) =>
  bed.call(
    'decideReturn',
    { orderId: 'o1', returnId, items },
    { caller, id: `decide ${returnId}` },
  );
const listed = async (bed: Bed) => {
  const { items } = await bed.call('listReturns', { shopId: 'shop_1' }, { caller: sally });
  return items.map(({ returnId }) => returnId);
};

describe('a return', () => {
  it('is requested, received, restocked and refunded', async () => {
    const { bed, services } = await ordered();
    const requested = await request(bed, [PEN]);
    expect(requested).toMatchObject({
      ...{ orderId: 'o1', shopId: 'shop_1', status: 'requested', reason: 'damaged' },
      items: [PEN],
    });
    expect(await listed(bed)).toEqual([requested.returnId]);
    expect(await receive(bed, requested)).toMatchObject({ status: 'received' });
    const completed = await decide(bed, requested);
    expect(completed).toMatchObject({
      status: 'completed',
      items: [{ ...PEN, accepted: 1, restocked: 1 }],
      refunded: { amount: '19.99', currency: 'EUR' },
    });
    expect(services.takenBack.get(requested.returnId)).toEqual({ pen: 1 });
    expect(services.refunds.get(requested.returnId)).toBe('19.99');
    expect(await listed(bed)).toEqual([]);
    const { returnId } = requested;
    const event = { orderId: 'o1', userId: 'ann', shopId: 'shop_1', returnId, items: [PEN] };
    const refunded = { amount: '19.99', currency: 'EUR' };
    expect(bed.published(ReturnUpdated)).toEqual([
      { ...event, status: 'requested', reason: 'damaged' },
      { ...event, status: 'received', reason: 'damaged' },
      { ...event, status: 'completed', reason: 'damaged', refunded },
    ]);
    expect(steps(await orderOf(bed)).slice(-2)).toEqual(['take_back done', 'refund_return done']);
    expect(await orderOf(bed)).toMatchObject({ status: 'confirmed' });
  });

  it('is of everything that was not returned if it names no items', async () => {
    const { bed } = await ordered();
    await request(bed, [PEN]);
    const rest = await request(bed, [], 'r2');
    expect(rest.items).toMatchObject([PEN, { productId: 'ink', quantity: 1 }]);
    await expect(request(bed, [], 'r3')).rejects.toMatchObject({
      details: { reason: 'nothing_to_return' },
    });
  });

  it('restocks and refunds the pieces that the shop decides', async () => {
    const { bed, services } = await ordered();
    const all = await request(bed);
    await receive(bed, all);
    const decisions = [
      { productId: 'pen', accepted: 2, restocked: 1 },
      { productId: 'ink', accepted: 0 },
    ];
    expect(await decide(bed, all, decisions)).toMatchObject({
      status: 'completed',
      refunded: { amount: '39.98' },
    });
    expect(services.takenBack.get(all.returnId)).toEqual({ pen: 1 });
    // the ink that was not accepted can be returned again, the pens cannot
    expect((await request(bed, [], 'r2')).items).toMatchObject([{ productId: 'ink', quantity: 1 }]);
  });

  it('is rejected if the shop accepts nothing, and its pieces may be requested again', async () => {
    const { bed, services } = await ordered();
    const one = await request(bed, [PEN]);
    await receive(bed, one);
    expect(await decide(bed, one, [{ productId: 'pen', accepted: 0 }])).toMatchObject({
      status: 'rejected',
    });
    expect(services.refunds.size + services.takenBack.size).toBe(0);
    expect(bed.published(ReturnUpdated).at(-1)).toMatchObject({ status: 'rejected' });
    expect(await listed(bed)).toEqual([]);
    await request(bed, [{ ...PEN, quantity: 2 }], 'r2');
  });

  it('refunds the delivery with the last piece of the order', async () => {
    const deliveryPrice = { amount: '4.90', currency: 'EUR' };
    const { bed, services } = await ordered('delivered', { deliveryPrice });
    const pens = await request(bed, [{ ...PEN, quantity: 2 }]);
    const ink = await request(bed, [], 'r2');
    for (const one of [pens, ink]) await receive(bed, one);
    await decide(bed, pens);
    await decide(bed, ink);
    expect(services.refunds.get(pens.returnId)).toBe('39.98');
    expect(services.refunds.get(ink.returnId)).toBe('9.90');
  });

  it.each(['picked_up', 'in_transit', 'delivered'] as const)(
    'takes the place of a cancellation for a parcel that is %s',
    async (status) => {
      const { bed } = await ordered(status);
      const cancel = bed.call('cancelOrder', { orderId: 'o1' }, { caller: ann, id: 'cancel' });
      await expect(cancel).rejects.toMatchObject({
        code: Code.FAILED_PRECONDITION,
        details: { reason: status },
        message: 'the order can no longer be cancelled; return its items instead',
      });
      expect(await request(bed)).toMatchObject({ status: 'requested' });
    },
  );

  it('is refused while the shop has the items', async () => {
    const { bed } = await ordered('scheduled');
    await expect(request(bed)).rejects.toMatchObject({ details: { reason: 'not_handed_over' } });
    const pickup = await fulfilled(orderRequest({ channel: 'pickup' }));
    await expect(request(pickup.bed)).rejects.toMatchObject({
      details: { reason: 'not_handed_over' },
    });
    const declined = await fulfilled(orderRequest({ token: 'tok_declined' }));
    await expect(request(declined.bed)).rejects.toMatchObject({
      details: { reason: 'not_confirmed' },
    });
  });

  it.each(['store', 'vending'] as const)('of an order by %s needs no delivery', async (channel) => {
    const { bed } = await fulfilled(orderRequest({ channel }));
    expect(await request(bed)).toMatchObject({ status: 'requested' });
  });

  it('is refused once the return period is over', async () => {
    const { bed } = await ordered();
    const end = Date.parse(HANDED_OVER_AT) + 14 * DAY_MS;
    bed.clock.advance(end - bed.clock.now());
    await request(bed, [PEN]);
    bed.clock.advance(1);
    await expect(request(bed, [PEN], 'r2')).rejects.toMatchObject({
      details: { reason: 'return_period_over', until: new Date(end).toISOString() },
    });
  });

  it('has no deadline while the parcel is on its way', async () => {
    const { bed } = await ordered('in_transit');
    bed.clock.advance(100 * DAY_MS);
    await request(bed);
  });

  it.each([
    ['items.0.productId is not a product of this order', [{ productId: 'tea', quantity: 1 }]],
    ['at most 2 pieces of it can be returned', [{ productId: 'pen', quantity: 3 }]],
    ['appears twice', [PEN, PEN]],
    ['must be at least 1', [{ ...PEN, quantity: 0 }]],
  ])('is refused: %s', async (message, items) => {
    const { bed } = await ordered();
    await expect(request(bed, items)).rejects.toThrow(message);
    expect(bed.published(RequestReturn)).toEqual([]);
  });

  it('of the same piece is accepted once when two requests race', async () => {
    const { bed, services } = await ordered();
    const other = replicaOf(bed, services);
    const results = await Promise.allSettled([
      request(bed, [{ ...PEN, quantity: 2 }], 'a'),
      request(other, [{ ...PEN, quantity: 2 }], 'b'),
    ]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('is requested once, however often the request is repeated', async () => {
    const { bed } = await ordered();
    const [first, again] = [await request(bed, [PEN]), await request(bed, [PEN])];
    expect(again.returnId).toBe(first.returnId);
    expect((await orderOf(bed)).returns).toHaveLength(1);
  });

  it('is requested by the buyer, and handled by a seller of the shop or an admin', async () => {
    const { bed } = await ordered();
    const carl = { ...ann, userId: 'carl' };
    await expect(request(bed, [], 'x', carl)).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(request(bed, [], 'y', sally)).rejects.toMatchObject({ code: Code.NOT_FOUND });
    const one = await request(bed);
    for (const [caller, code] of [
      [bob, Code.NOT_FOUND],
      [ann, Code.PERMISSION_DENIED],
    ] as const) {
      await expect(receive(bed, one, caller)).rejects.toMatchObject({ code });
      await expect(decide(bed, one, [], caller)).rejects.toMatchObject({ code });
    }
    await expect(
      bed.call('listReturns', { shopId: 'shop_1' }, { caller: bob }),
    ).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    const { returnId } = one;
    for (const caller of [ann, sally]) {
      expect(await bed.call('getReturn', { orderId: 'o1', returnId }, { caller })).toEqual(one);
    }
    for (const caller of [bob, carl]) {
      await expect(
        bed.call('getReturn', { orderId: 'o1', returnId }, { caller }),
      ).rejects.toMatchObject({ code: Code.NOT_FOUND });
    }
  });

  it('is not decided before it is received, and not twice', async () => {
    const { bed } = await ordered();
    const one = await request(bed, [PEN]);
    await expect(decide(bed, one)).rejects.toMatchObject({
      details: { reason: 'illegal_transition' },
    });
    await receive(bed, one);
    const again = { orderId: 'o1', returnId: one.returnId };
    await expect(
      bed.call('receiveReturn', again, { caller: sally, id: 'other' }),
    ).rejects.toMatchObject({ details: { reason: 'illegal_transition' } });
    await bed.call('decideReturn', again, { caller: sally, id: 'd1' });
    await expect(
      bed.call('decideReturn', again, { caller: sally, id: 'd2' }),
    ).rejects.toMatchObject({ details: { reason: 'illegal_transition' } });
  });

  it.each([
    ['items.0.productId is not a product of this return', [{ productId: 'ink' }]],
    ['items.0 must be at most the 1 pieces', [{ productId: 'pen', accepted: 2 }]],
    [
      'items.0.restocked must be at most the accepted pieces',
      [{ productId: 'pen', accepted: 0, restocked: 1 }],
    ],
  ])('is not decided wrongly: %s', async (message, items) => {
    const { bed } = await ordered();
    const one = await request(bed, [PEN]);
    await receive(bed, one);
    await expect(decide(bed, one, items)).rejects.toThrow(message);
  });

  it('is crash safe: requested, received, refunded and rejected', async () => {
    const returned = { orderId: 'o1', userId: 'ann', returnId: 'return_1' };
    const add = (bed: Bed) =>
      bed.handleEvent(
        RequestReturn,
        { ...returned, items: [PEN], reason: 'damaged' },
        { id: 'request' },
      );
    const arrive = (bed: Bed) => bed.handleEvent(ReceiveReturn, returned, { id: 'receive' });
    const settle = (accepted: number) => (bed: Bed) =>
      bed.handleEvent(
        DecideReturn,
        { ...returned, items: [{ productId: 'pen', accepted }] },
        { id: 'decide' },
      );
    const build = async (...done: ((bed: Bed) => Promise<unknown>)[]) => {
      const { bed } = await ordered();
      for (const step of done) await step(bed);
      return bed;
    };
    await expectCrashSafe(() => build(), add);
    await expectCrashSafe(() => build(add), arrive);
    await expectCrashSafe(() => build(add, arrive), settle(1));
    await expectCrashSafe(() => build(add, arrive), settle(0));
  });
});
