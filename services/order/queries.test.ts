import { describe, expect, it } from '@jest/globals';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Caller } from '#kit/core/caller';
import { Code } from '#kit/core/errors';
import {
  type Bed,
  FakeServices,
  ann,
  openBed,
  bedWith,
  pendingOrder,
  orderRequest,
} from './testing';

const bob: Caller = { userId: 'bob', role: 'customer', tenantId: 'default' };
const admin: Caller = { userId: 'root', role: 'admin', tenantId: 'default' };

const strangers: [string, Caller][] = [
  ['another user', bob],
  ['a user of another tenant', { ...ann, tenantId: 'elsewhere' }],
  ['an admin of another tenant', { ...admin, tenantId: 'elsewhere' }],
  ['an anonymous caller', { ...ann, userId: '', role: 'anonymous' }],
];

describe.each(['getOrder', 'getStory'] as const)('%s', (method) => {
  it.each(strangers)('throws NOT_FOUND for %s', async (_, caller) => {
    const bed = await bedWith(pendingOrder());
    await expect(bed.call(method, { orderId: 'o1' }, { caller })).rejects.toMatchObject({
      code: Code.NOT_FOUND,
      message: 'order not found',
    });
  });

  it('returns it to the buyer and to an admin', async () => {
    const bed = await bedWith(pendingOrder());
    const found = await bed.call(method, { orderId: 'o1' }, { caller: ann });
    expect(found.orderId).toBe('o1');
    expect(await bed.call(method, { orderId: 'o1' }, { caller: admin })).toEqual(found);
  });

  it('names the field of an invalid id', async () => {
    const bed = await bedWith(pendingOrder());
    await expect(bed.call(method, { orderId: '../o1' }, { caller: ann })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field: 'orderId' }] },
    });
  });
});

it('an order is returned without payment token and address', async () => {
  const bed = await bedWith(pendingOrder());
  const order = await bed.call('getOrder', { orderId: 'o1' }, { caller: ann });
  expect(JSON.stringify(order, (_, value: unknown) => String(value))).not.toMatch(/tok_|High/);
});

it('the story has the start, the duration and the failure reason of each step', async () => {
  const services = new FakeServices();
  const bed = openBed(services);
  const request = orderRequest({ token: 'tok_timeout' });
  const { orderId } = await bed.call('placeOrder', request, { caller: ann });
  const { steps, events } = await bed.call('getStory', { orderId }, { caller: ann });
  expect(steps.map(({ step }) => step)).toEqual([
    'place',
    'reserve',
    'charge',
    'cancel_delivery',
    'void',
    'release',
  ]);
  const [, , charge, undo] = steps;
  // two attempts that time out after 2.5 s, and a pause of 1 s
  expect(charge).toMatchObject({ outcome: 'unknown', ms: 6_000, reason: 'deadline_exceeded' });
  expect(timestampDate(charge!.at!).toISOString()).toBe('2026-01-01T00:00:00.000Z');
  expect(timestampDate(undo!.at!).toISOString()).toBe('2026-01-01T00:00:06.000Z');
  expect(events.map(({ type }) => type)).toEqual([
    'order.created',
    'order.cancelled',
    'order.status.updated',
  ]);
});

describe('listOrders', () => {
  async function withThree(): Promise<{ bed: Bed; ids: string[] }> {
    const bed = openBed(new FakeServices());
    const ids: string[] = [];
    for (const id of ['key-1', 'key-2', 'key-3']) {
      ids.unshift((await bed.call('placeOrder', orderRequest(), { caller: ann, id })).orderId);
    }
    return { bed, ids };
  }

  it('returns the own orders in pages, newest first', async () => {
    const { bed, ids } = await withThree();
    const all = await bed.call('listOrders', {}, { caller: ann });
    expect(all).toMatchObject({ page: 1, limit: 20, total: 3 });
    expect(all.items.map(({ orderId }) => orderId)).toEqual(ids);
    const second = await bed.call('listOrders', { page: 2, limit: 2 }, { caller: ann });
    expect(second).toMatchObject({ page: 2, limit: 2, total: 3 });
    expect(second.items.map(({ orderId }) => orderId)).toEqual(ids.slice(2));
  });

  it.each([...strangers, ['an admin', admin] as [string, Caller]])(
    'returns none of them to %s',
    async (_, caller) => {
      const { bed } = await withThree();
      expect(await bed.call('listOrders', {}, { caller })).toMatchObject({ items: [], total: 0 });
    },
  );

  it.each([
    ['page', { page: -1 }],
    ['limit', { limit: 101 }],
  ])('names an invalid %s', async (field, request) => {
    const bed = openBed(new FakeServices());
    await expect(bed.call('listOrders', request, { caller: ann })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field }] },
    });
  });
});

describe('an order of an API key', () => {
  it('that acts on behalf of a user belongs to the user, and is not for other keys', async () => {
    const bed = openBed(new FakeServices());
    const key: Caller = { userId: 'key_1', role: 'seller', tenantId: 'default', ownerId: 'ann' };
    const { orderId } = await bed.call('placeOrder', orderRequest(), { caller: key });
    for (const caller of [ann, key, { ...key, userId: 'key_2' }]) {
      expect(await bed.call('getOrder', { orderId }, { caller })).toMatchObject({ userId: 'ann' });
      const { items } = await bed.call('listOrders', {}, { caller });
      expect(items).toMatchObject([{ orderId }]);
    }
    const other = bed.call('getOrder', { orderId }, { caller: { ...key, ownerId: 'bob' } });
    await expect(other).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });
});
