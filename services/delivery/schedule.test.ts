import { describe, expect, it } from '@jest/globals';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { CancelOutcome, ScheduleOutcome } from '#proto/retail/delivery/v1/delivery_pb';
import { DeliveryScheduled, DeliveryStatusUpdated } from '#contracts/delivery';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code, unavailable } from '#kit/core/errors';
import {
  type Bed,
  PERSONAL,
  abroad,
  address,
  empty,
  advanced,
  order,
  scheduled,
  statusOf,
} from './testing';

describe('schedule', () => {
  it('schedules a delivery and publishes its estimated arrival', async () => {
    const bed = empty();
    const answer = await bed.call('schedule', order);
    expect(answer.outcome).toBe(ScheduleOutcome.SCHEDULED);
    const estimatedAt = timestampDate(answer.estimatedAt!).toISOString();
    expect(estimatedAt).toBe('2026-01-05T18:00:00.000Z');
    const { deliveryId } = answer;
    expect(bed.published(DeliveryScheduled)).toEqual([
      { orderId: 'o1', userId: 'u1', shopId: 'shop_1', deliveryId, estimatedAt },
    ]);
  });

  it('schedules once for an order, however often it is requested', async () => {
    const bed = await scheduled();
    const first = await bed.call('getDelivery', { orderId: 'o1' });
    bed.clock.advance(7 * 24 * 3600 * 1000);
    const { deliveryId, estimatedAt } = first;
    const again = await bed.call('schedule', order);
    expect(again).toMatchObject({ outcome: ScheduleOutcome.SCHEDULED, deliveryId, estimatedAt });
    expect(bed.published(DeliveryScheduled)).toHaveLength(1);
  });

  it('refuses an address that is not served, and publishes nothing', async () => {
    const bed = empty();
    const refusal = { outcome: ScheduleOutcome.REFUSED, reason: 'undeliverable' };
    expect(await bed.call('schedule', abroad)).toMatchObject(refusal);
    expect(await bed.call('schedule', order)).toMatchObject(refusal);
    expect(bed.memory.events).toEqual([]);
    await expect(bed.call('getDelivery', { orderId: 'o1' })).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
  });

  it('is refused after a cancel', async () => {
    const bed = empty();
    await bed.call('cancel', { orderId: 'o1' });
    const refusal = { outcome: ScheduleOutcome.REFUSED, reason: 'cancelled' };
    expect(await bed.call('schedule', order)).toMatchObject(refusal);
    expect(bed.memory.events).toEqual([]);
  });

  it('answers a redelivery like the first call, even if the delivery was cancelled since', async () => {
    const bed = await scheduled();
    await bed.call('cancel', { orderId: 'o1' });
    const again = await bed.call('schedule', order, { id: 'first' });
    expect(again.outcome).toBe(ScheduleOutcome.SCHEDULED);
    expect((await bed.call('schedule', order)).outcome).toBe(ScheduleOutcome.REFUSED);
    expect(await statusOf(bed)).toBe('cancelled');
  });

  it('fails while the bus is unavailable, and a retry ends the same', async () => {
    const bed = empty();
    bed.sidecar.onPublish = () => {
      throw unavailable('the bus is unavailable');
    };
    await expect(bed.call('schedule', order, { id: 'c1' })).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
    });
    bed.restart();
    expect((await bed.call('schedule', order, { id: 'c1' })).outcome).toBe(
      ScheduleOutcome.SCHEDULED,
    );
    expect(bed.published(DeliveryScheduled)).toHaveLength(1);
  });

  it('is crash safe, when it schedules and when it refuses', async () => {
    await expectCrashSafe(empty, (bed) => bed.call('schedule', order, { id: 'c1' }));
    await expectCrashSafe(empty, (bed) => bed.call('schedule', abroad, { id: 'c1' }));
  });

  it.each([
    ['orderId', { ...order, orderId: '' }],
    ['userId', { ...order, userId: 'u 1' }],
    ['shopId', { ...order, shopId: '' }],
    ['address', { orderId: 'o1', userId: 'u1', shopId: 's1' }],
    ['address.name', { ...order, address: { ...address, name: '' } }],
    ['address.line1', { ...order, address: { ...address, line1: ' ' } }],
    ['address.line2', { ...order, address: { ...address, line2: 'x'.repeat(201) } }],
    ['address.postalCode', { ...order, address: { ...address, postalCode: '1'.repeat(21) } }],
    ['address.city', { ...order, address: { ...address, city: '' } }],
    ['address.country', { ...order, address: { ...address, country: 'Germany' } }],
  ])('names an invalid %s, and repeats nothing of the address', async (field, request) => {
    const failure: unknown = await empty()
      .call('schedule', request)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field }] },
    });
    expect(String(failure)).not.toMatch(PERSONAL);
  });
});

describe('cancel', () => {
  it.each([
    ['picked_up', ['picked_up']],
    ['in_transit', ['picked_up', 'in_transit']],
    ['delivered', ['picked_up', 'in_transit', 'delivered']],
  ])('is refused for a parcel that is %s', async (status, steps) => {
    const bed = await advanced(...steps);
    const answer = await bed.call('cancel', { orderId: 'o1' });
    expect(answer).toMatchObject({ outcome: CancelOutcome.REFUSED, reason: status });
    expect(await statusOf(bed)).toBe(status);
  });

  it.each([
    ['scheduled', []],
    ['picked_up', ['picked_up']],
    ['in_transit', ['picked_up', 'in_transit']],
  ])('recalls a delivery that is %s, once', async (previousStatus, steps) => {
    const bed = await advanced(...steps);
    for (let times = 0; times < 2; times++) {
      const answer = await bed.call('cancel', { orderId: 'o1', recall: true });
      expect(answer).toMatchObject({ outcome: CancelOutcome.CANCELLED });
    }
    expect(await statusOf(bed)).toBe('cancelled');
    const cancelled = bed
      .published(DeliveryStatusUpdated)
      .filter(({ status }) => status === 'cancelled');
    expect(cancelled).toMatchObject([{ orderId: 'o1', userId: 'u1', previousStatus }]);
  });

  it('first publishes the schedule if its execution crashed before it published', async () => {
    const bed = empty();
    bed.injectFaults({ crashAfterEffect: 1 });
    await expect(bed.call('schedule', order, { id: 'first' })).rejects.toThrow('killed');
    bed.restart();
    await bed.call('cancel', { orderId: 'o1' });
    expect(bed.memory.events.map(({ type }) => type)).toEqual([
      'delivery.scheduled',
      'delivery.status.updated',
    ]);
    await bed.call('schedule', order, { id: 'first' });
    expect(bed.published(DeliveryScheduled)).toHaveLength(1);
  });

  it('publishes the cancellation if its first execution crashed before it published', async () => {
    const bed = await scheduled();
    bed.injectFaults({ crashAfterEffect: 1 });
    await expect(bed.call('cancel', { orderId: 'o1' }, { id: 'first' })).rejects.toThrow('killed');
    bed.restart();
    expect(bed.published(DeliveryStatusUpdated)).toEqual([]);
    for (const id of ['second', 'first', 'third']) {
      await bed.call('cancel', { orderId: 'o1' }, { id });
      expect(bed.published(DeliveryStatusUpdated)).toMatchObject([{ previousStatus: 'scheduled' }]);
    }
  });

  it('is refused for a delivery that has arrived', async () => {
    const bed = await advanced('picked_up', 'in_transit', 'delivered');
    const answer = await bed.call('cancel', { orderId: 'o1' });
    expect(answer).toMatchObject({ outcome: CancelOutcome.REFUSED, reason: 'delivered' });
    expect(await statusOf(bed)).toBe('delivered');
  });

  it('publishes nothing for a refused delivery', async () => {
    const bed = empty();
    await bed.call('schedule', abroad);
    await bed.call('cancel', { orderId: 'o1' });
    expect(bed.memory.events).toEqual([]);
    expect(await bed.call('schedule', order)).toMatchObject({ reason: 'undeliverable' });
  });

  it('is crash safe', async () => {
    const act = (bed: Bed) => bed.call('cancel', { orderId: 'o1' }, { id: 'c1' });
    await expectCrashSafe(scheduled, act);
    await expectCrashSafe(empty, act);
  });
});
