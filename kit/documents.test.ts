import { describe, expect, it, jest } from '@jest/globals';
import { z } from 'zod';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { OrderStatusUpdated, PlaceOrder } from '#contracts/order';
import { refused } from './errors';
import { Service } from './service';
import { testbed } from './testbed';

const counter = new Service('order', {
  serves: OrderService,
  stores: { counters: z.object({ count: z.int() }) },
  publishes: [PlaceOrder, OrderStatusUpdated],
});
counter.on(PlaceOrder, async ({ orderId }, { counters, publish }) => {
  const up = (now = { count: 0 }) => ({ count: now.count + 1 });
  const { outcome } = await counters.decide(orderId, (now) => ({
    document: up(now),
    outcome: up(now).count,
  }));
  const previousStatus = outcome === 1 ? 'pending' : 'confirmed';
  await publish(OrderStatusUpdated, { orderId, userId: 'u1', status: 'confirmed', previousStatus });
});

describe('an event about a change that others have followed', () => {
  it('is said again with the outcome and the number of its own change', async () => {
    const bed = testbed(counter);
    await bed.hear(PlaceOrder, { orderId: 'o1' }, { id: 'first' });
    await bed.hear(PlaceOrder, { orderId: 'o1' }, { id: 'second' });
    await bed.hear(PlaceOrder, { orderId: 'o1' }, { id: 'first' });

    const [first, second, again] = bed.memory.events;
    expect(second).toMatchObject({ sequence: 2, data: { previousStatus: 'confirmed' } });
    const { id, data } = first!;
    expect(again).toMatchObject({ id, sequence: 1, data });
    expect(data).toMatchObject({ previousStatus: 'pending' });
  });
});

describe('a document that a handling has read before it changes it', () => {
  const up = (now = { count: 0 }) => ({ count: now.count + 1 });

  async function bedWith(count: number) {
    const bed = testbed(counter);
    await bed.context().counters.update('c1', () => ({ count }));
    const load = jest.spyOn(bed.sidecar, 'load');
    return { bed, load };
  }

  it('is not read again', async () => {
    const { bed, load } = await bedWith(1);
    const { counters } = bed.context();
    await counters.get('c1');
    expect(await counters.update('c1', up)).toEqual({ count: 2 });
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('is not read again where there was none', async () => {
    const { bed, load } = await bedWith(1);
    const { counters } = bed.context();
    await counters.get('c2');
    expect(await counters.update('c2', up)).toEqual({ count: 1 });
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('is changed as it is by then, where others have changed it in between', async () => {
    const { bed } = await bedWith(1);
    const { counters } = bed.context();
    await counters.get('c1');
    await bed.context().counters.update('c1', up);
    expect(await counters.update('c1', up)).toEqual({ count: 3 });
  });

  it('refuses and leaves alone only what it is by then', async () => {
    const { bed } = await bedWith(0);
    const { counters } = bed.context();
    const unlessNone = (now = { count: 0 }) => {
      if (now.count === 0) throw new Error('there is none');
      return now;
    };
    await counters.get('c1');
    await bed.context().counters.update('c1', up);
    expect(await counters.update('c1', unlessNone)).toEqual({ count: 1 });
    await counters.get('c1');
    await bed.context().counters.update('c1', up);
    expect(await counters.update('c1', unlessNone)).toEqual({ count: 2 });
  });

  it('is read again after it was removed or changed', async () => {
    const { bed } = await bedWith(5);
    const { counters } = bed.context();
    await counters.get('c1');
    await counters.remove('c1');
    expect(await counters.update('c1', up)).toEqual({ count: 1 });
    expect(await counters.update('c1', up)).toEqual({ count: 2 });
  });
});

describe('a command that is refused', () => {
  const limited = new Service('order', {
    serves: OrderService,
    stores: { counters: z.object({ count: z.int() }) },
    publishes: [PlaceOrder, OrderStatusUpdated],
  });
  const take = (now = { count: 0 }) => {
    if (now.count === 0) throw refused('none_left', 'none is left');
    return { count: now.count - 1 };
  };
  limited.on(PlaceOrder, async ({ orderId }, { counters }) => {
    await counters.update(orderId, take);
  });
  limited.on(OrderStatusUpdated, async ({ orderId }, { counters }) => {
    await counters.update(orderId, take);
  });
  const whose = { orderId: 'o1', userId: 'u1' };
  const open = () => testbed(limited);
  const count = async (bed: ReturnType<typeof open>) =>
    (await bed.context().counters.get('o1'))?.count;

  it.each([
    ['a document', 0],
    ['no document', undefined],
  ])(
    'on %s is refused again when it comes again, though it could be done by then',
    async (_, before) => {
      const bed = open();
      if (before !== undefined)
        await bed.context().counters.update('o1', () => ({ count: before }));
      expect(await bed.hear(PlaceOrder, { orderId: 'o1' }, { id: 'first' })).toBe('SUCCESS');
      expect(await count(bed)).toBe(before);

      await bed.context().counters.update('o1', () => ({ count: 2 }));
      await bed.hear(PlaceOrder, { orderId: 'o1' }, { id: 'first' });
      expect(await count(bed)).toBe(2);
      await bed.hear(PlaceOrder, { orderId: 'o1' }, { id: 'second' });
      expect(await count(bed)).toBe(1);
    },
  );

  it('is no rule for events: what was refused is a dead letter, whose replay may succeed', async () => {
    const bed = open();
    const data = { ...whose, status: 'confirmed', previousStatus: 'pending' } as const;
    await bed.hear(OrderStatusUpdated, data, { id: 'first' });
    const { letters } = await bed.host.deadLetters.page(1, 10);
    await bed.context().counters.update('o1', () => ({ count: 2 }));
    expect(await bed.host.replay(letters[0]?.id ?? '')).toEqual({ succeeded: true });
    expect(await count(bed)).toBe(1);
  });
});
