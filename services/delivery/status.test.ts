import { describe, expect, it } from '@jest/globals';
import { create, toJsonString } from '@bufbuild/protobuf';
import { DeliverySchema } from '#proto/retail/delivery/v1/delivery_pb';
import { DeliveryStatusUpdated, UpdateDelivery } from '#contracts/delivery';
import { asService } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code, unavailable } from '#kit/core/errors';
import { PERSONAL, as, empty, advanced, scheduled, statusOf } from './testing';

describe('updateStatus', () => {
  it.each(['seller', 'admin'] as const)('advances the delivery for a %s', async (role) => {
    const bed = await scheduled();
    const answer = await bed.call(
      'updateStatus',
      { orderId: 'o1', status: 'picked_up' },
      as(role, 'someone'),
    );
    expect(answer.status).toBe('picked_up');
    expect(bed.published(DeliveryStatusUpdated)).toMatchObject([
      { orderId: 'o1', status: 'picked_up', previousStatus: 'scheduled' },
    ]);
  });

  it.each([
    ['a seller of another shop', as('seller', 'another'), Code.NOT_FOUND],
    ['the buyer', as('customer', 'u1'), Code.PERMISSION_DENIED],
    ['an anonymous caller', as('anonymous', ''), Code.PERMISSION_DENIED],
    ['a service', as('service', ''), Code.PERMISSION_DENIED],
  ])('is refused for %s, without a command', async (_, given, code) => {
    const bed = await scheduled();
    const before = bed.memory.events.length;
    const step = { orderId: 'o1', status: 'picked_up' };
    await expect(bed.call('updateStatus', step, given)).rejects.toMatchObject({ code });
    expect(bed.memory.events).toHaveLength(before);
    expect(await statusOf(bed)).toBe('scheduled');
  });

  it('does not reveal to a seller of another shop whether a delivery exists', async () => {
    const bed = await scheduled();
    const refusals = await Promise.all(
      ['o1', 'unknown'].map((orderId) =>
        bed
          .call('updateStatus', { orderId, status: 'picked_up' }, as('seller', 'another'))
          .catch((error: unknown) => error),
      ),
    );
    expect(refusals[0]).toMatchObject({ code: Code.NOT_FOUND, message: 'delivery not found' });
    expect(refusals[1]).toEqual(refusals[0]);
  });

  it('is crash safe for a seller of its shop', async () => {
    const step = { orderId: 'o1', status: 'picked_up' };
    await expectCrashSafe(scheduled, (bed) =>
      bed.call('updateStatus', step, { id: 'c1', ...as('seller', 'someone') }),
    );
  });

  it('makes a step once for a request, however often it is repeated', async () => {
    const bed = await scheduled();
    const step = { orderId: 'o1', status: 'picked_up' };
    await bed.call('updateStatus', step, { id: 'c1', ...as('admin') });
    await bed.call('updateStatus', { orderId: 'o1', status: 'in_transit' }, as('admin'));
    expect((await bed.call('updateStatus', step, { id: 'c1', ...as('admin') })).status).toBe(
      'in_transit',
    );
    expect(bed.published(DeliveryStatusUpdated)).toHaveLength(2);
  });

  it.each([
    ['a step too far', [], 'in_transit'],
    ['a step back', ['picked_up', 'in_transit'], 'picked_up'],
    ['a repeated step', ['picked_up'], 'picked_up'],
  ])('refuses %s', async (_, steps, status) => {
    const bed = await advanced(...steps);
    await expect(
      bed.call('updateStatus', { orderId: 'o1', status }, as('admin')),
    ).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'illegal_transition' },
    });
    expect(bed.published(DeliveryStatusUpdated)).toHaveLength(steps.length);
  });

  it('refuses to advance a cancelled delivery', async () => {
    const bed = await scheduled();
    await bed.call('cancel', { orderId: 'o1' });
    await expect(
      bed.call('updateStatus', { orderId: 'o1', status: 'picked_up' }, as('admin')),
    ).rejects.toMatchObject({ details: { reason: 'illegal_transition' } });
  });

  it('returns the current status if the caller does not wait', async () => {
    const bed = await scheduled();
    const step = { orderId: 'o1', status: 'picked_up' };
    const answer = await bed.call('updateStatus', step, { respondAsync: true, ...as('admin') });
    expect(answer.status).toBe('scheduled');
    await bed.settle();
    expect(await statusOf(bed)).toBe('picked_up');
  });

  it.each([
    ['orderId', { orderId: '', status: 'picked_up' }],
    ['status', { orderId: 'o1', status: 'lost' }],
    ['status', { orderId: 'o1', status: 'cancelled' }],
    ['status', { orderId: 'o1' }],
  ])('names an invalid %s', async (field, request) => {
    await expect(
      (await scheduled()).call('updateStatus', request, as('admin')),
    ).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field }] },
    });
  });

  it.each([
    ['is unknown', as('admin')],
    ['is of another tenant', as('admin', 'u1', 'another')],
  ])('throws NOT_FOUND if the delivery %s', async (what, given) => {
    const bed = what === 'is unknown' ? empty() : await scheduled();
    const step = { orderId: 'o1', status: 'picked_up' };
    await expect(bed.call('updateStatus', step, given)).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
  });

  it('is crash safe', async () => {
    const step = { orderId: 'o1', status: 'picked_up' };
    await expectCrashSafe(scheduled, (bed) =>
      bed.call('updateStatus', step, { id: 'c1', ...as('admin') }),
    );
  });
});

describe('the command UpdateDelivery', () => {
  const step = { orderId: 'o1', status: 'picked_up' } as const;

  it('is applied once, and a redelivery publishes the same event', async () => {
    const bed = await scheduled();
    expect(await bed.handleEvent(UpdateDelivery, step, { id: 'e1' })).toBe('SUCCESS');
    await bed.handleEvent(UpdateDelivery, { ...step, status: 'in_transit' });
    expect(await bed.handleEvent(UpdateDelivery, step, { id: 'e1' })).toBe('SUCCESS');
    const [, first, , again] = bed.memory.events;
    const { id, sequence, data } = first!;
    expect(again).toMatchObject({ id, sequence, data });
    expect(await statusOf(bed)).toBe('in_transit');
  });

  it('is acknowledged, not retried, if the step is refused or there is no delivery', async () => {
    const bed = await scheduled();
    expect(await bed.handleEvent(UpdateDelivery, { ...step, status: 'delivered' })).toBe('SUCCESS');
    expect(await bed.handleEvent(UpdateDelivery, { ...step, orderId: 'o2' })).toBe('SUCCESS');
    expect(await statusOf(bed)).toBe('scheduled');
  });

  it('is redelivered if its event could not be published', async () => {
    const bed = await scheduled();
    bed.sidecar.onPublish = () => {
      throw unavailable('the bus is unavailable');
    };
    expect(await bed.handleEvent(UpdateDelivery, step, { id: 'e1' })).toBe('PARKED');
    bed.restart();
    expect(await bed.handleEvent(UpdateDelivery, step, { id: 'e1' })).toBe('SUCCESS');
    expect(bed.published(DeliveryStatusUpdated)).toHaveLength(1);
  });

  it('is crash safe', async () => {
    await expectCrashSafe(scheduled, (bed) => bed.handleEvent(UpdateDelivery, step, { id: 'e1' }));
  });
});

describe('getDelivery', () => {
  it.each([
    ['its buyer', as('customer')],
    ['an admin', as('admin', 'root')],
    ['a service', { caller: asService() }],
  ])('returns a delivery to %s, without the address', async (_, given) => {
    const bed = await scheduled();
    const shown = await bed.call('getDelivery', { orderId: 'o1' }, given);
    expect(shown).toMatchObject({ orderId: 'o1', userId: 'u1', status: 'scheduled' });
    expect(toJsonString(DeliverySchema, create(DeliverySchema, shown))).not.toMatch(PERSONAL);
  });

  it.each([
    ['another customer', as('customer', 'u2')],
    ['a seller', as('seller', 'u2')],
    ['an anonymous caller', as('anonymous', '')],
    ['an admin of another tenant', as('admin', 'root', 'another')],
  ])('throws NOT_FOUND for %s', async (_, given) => {
    const bed = await scheduled();
    await expect(bed.call('getDelivery', { orderId: 'o1' }, given)).rejects.toMatchObject({
      code: Code.NOT_FOUND,
      message: 'delivery not found',
    });
  });

  it('names an invalid orderId', async () => {
    await expect(empty().call('getDelivery', { orderId: 'a b' })).rejects.toMatchObject({
      details: { fields: [{ field: 'orderId' }] },
    });
  });
});
