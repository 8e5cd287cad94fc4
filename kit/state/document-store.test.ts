import { describe, expect, it, jest } from '@jest/globals';
import { z } from 'zod';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { OrderStatusUpdated, PlaceOrder } from '#contracts/order';
import { Code, refused } from '../core/errors';
import { Crash } from '../testing/memory-transport';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';

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

describe('an event about an earlier change', () => {
  it('is published again with the outcome and sequence of its own change', async () => {
    const bed = testbed(counter);
    await bed.handleEvent(PlaceOrder, { orderId: 'o1' }, { id: 'first' });
    await bed.handleEvent(PlaceOrder, { orderId: 'o1' }, { id: 'second' });
    await bed.handleEvent(PlaceOrder, { orderId: 'o1' }, { id: 'first' });

    const [first, second, again] = bed.memory.events;
    expect(second).toMatchObject({ sequence: 2, data: { previousStatus: 'confirmed' } });
    const { id, data } = first!;
    expect(again).toMatchObject({ id, sequence: 1, data });
    expect(data).toMatchObject({ previousStatus: 'pending' });
  });
});

describe('a document that an execution has read before it changes it', () => {
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

  it('is not read again if it did not exist', async () => {
    const { bed, load } = await bedWith(1);
    const { counters } = bed.context();
    await counters.get('c2');
    expect(await counters.update('c2', up)).toEqual({ count: 1 });
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('is read again if another execution has changed it in between', async () => {
    const { bed } = await bedWith(1);
    const { counters } = bed.context();
    await counters.get('c1');
    await bed.context().counters.update('c1', up);
    expect(await counters.update('c1', up)).toEqual({ count: 3 });
  });

  it('is refused or left unchanged only in its current state', async () => {
    const { bed } = await bedWith(0);
    const { counters } = bed.context();
    const refuseZero = (now = { count: 0 }) => {
      if (now.count === 0) throw new Error('it is zero');
      return now;
    };
    await counters.get('c1');
    await bed.context().counters.update('c1', up);
    expect(await counters.update('c1', refuseZero)).toEqual({ count: 1 });
    await counters.get('c1');
    await bed.context().counters.update('c1', up);
    expect(await counters.update('c1', refuseZero)).toEqual({ count: 2 });
  });

  it('is read again after it was deleted or changed', async () => {
    const { bed } = await bedWith(5);
    const { counters } = bed.context();
    await counters.get('c1');
    await counters.delete('c1');
    expect(await counters.update('c1', up)).toEqual({ count: 1 });
    expect(await counters.update('c1', up)).toEqual({ count: 2 });
  });
});

describe('a document that expires', () => {
  const DAY = 24 * 3600;
  const up = (now = { count: 0 }) => ({ count: now.count + 1 });
  const always = () => true;

  async function bedWith(count: number) {
    const bed = testbed(counter);
    await bed.context().counters.update('c1', () => ({ count }));
    await bed.context().counters.expireIfAbandoned('c1', DAY, always);
    const save = jest.spyOn(bed.sidecar, 'save');
    return { bed, save };
  }
  const afterExpiry = (bed: Awaited<ReturnType<typeof bedWith>>['bed']) => {
    bed.clock.advance(DAY * 1000 + 1_000);
    return bed.context().counters.get('c1');
  };

  it('exists until then, and not after it', async () => {
    const { bed } = await bedWith(1);
    bed.clock.advance(DAY * 1000 - 1_000);
    expect(await bed.context().counters.get('c1')).toEqual({ count: 1 });
    expect(await afterExpiry(bed)).toBeUndefined();
  });

  it('is not set to expire if it is no longer abandoned', async () => {
    const { bed, save } = await bedWith(1);
    await bed.context().counters.update('c1', up);
    save.mockClear();
    await bed.context().counters.expireIfAbandoned('c1', DAY, ({ count }) => count === 1);
    await bed.context().counters.expireIfAbandoned('c2', DAY, always);
    expect(save).not.toHaveBeenCalled();
    expect(await afterExpiry(bed)).toEqual({ count: 2 });
  });

  type Counters = ReturnType<ReturnType<typeof testbed<typeof counter.definition>>['context']>;
  it.each<[string, number, (context: Counters) => Promise<unknown>]>([
    ['changed', 2, ({ counters }) => counters.update('c1', up)],
    [
      'changed after a read',
      2,
      async ({ counters }) => {
        await counters.get('c1');
        await counters.update('c1', up);
      },
    ],
    [
      'left unchanged by a change',
      1,
      ({ counters }) => counters.update('c1', (now) => now ?? up()),
    ],
    ['kept by clearExpiry', 1, ({ counters }) => counters.clearExpiry('c1')],
    [
      'kept by clearExpiry after a read',
      1,
      async ({ counters }) => {
        await counters.get('c1');
        await counters.clearExpiry('c1');
      },
    ],
  ])('does not expire if it is %s', async (_, count, act) => {
    const { bed } = await bedWith(1);
    await act(bed.context());
    expect(await afterExpiry(bed)).toEqual({ count });
  });

  it('does not expire if it is changed, even if the process dies before its expiry is cleared', async () => {
    const { bed } = await bedWith(1);
    const place = () => bed.handleEvent(PlaceOrder, { orderId: 'c1' }, { id: 'first' });
    bed.injectFaults({ crashAfterEffect: 1 });
    await expect(place()).rejects.toThrow(Crash);
    bed.restart();
    expect(await place()).toBe('SUCCESS');
    expect(await afterExpiry(bed)).toEqual({ count: 2 });
  });

  it('causes no extra reads or writes for documents without expiry', async () => {
    const { bed, save } = await bedWith(1);
    await bed.context().counters.update('c3', up);
    save.mockClear();
    const load = jest.spyOn(bed.sidecar, 'load');
    const { counters } = bed.context();
    await counters.get('c3');
    await counters.clearExpiry('c3');
    await counters.update('c3', up);
    expect(load).toHaveBeenCalledTimes(1);
    expect(save).toHaveBeenCalledTimes(1);
    expect(save.mock.calls[0]?.[4]).toBeUndefined();
  });
});

describe('a refused command', () => {
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
  const order = { orderId: 'o1', userId: 'u1' };
  const open = () => testbed(limited);
  const count = async (bed: ReturnType<typeof open>) =>
    (await bed.context().counters.get('o1'))?.count;

  it.each([
    ['a document', 0],
    ['no document', undefined],
  ])(
    'on %s is refused again when it is redelivered, even if it would succeed by then',
    async (_, before) => {
      const bed = open();
      if (before !== undefined)
        await bed.context().counters.update('o1', () => ({ count: before }));
      expect(await bed.handleEvent(PlaceOrder, { orderId: 'o1' }, { id: 'first' })).toBe('SUCCESS');
      expect(await count(bed)).toBe(before);

      await bed.context().counters.update('o1', () => ({ count: 2 }));
      await bed.handleEvent(PlaceOrder, { orderId: 'o1' }, { id: 'first' });
      expect(await count(bed)).toBe(2);
      await bed.handleEvent(PlaceOrder, { orderId: 'o1' }, { id: 'second' });
      expect(await count(bed)).toBe(1);
    },
  );

  it('differs from a refused event, which becomes a dead letter that can be replayed', async () => {
    const bed = open();
    const data = { ...order, status: 'confirmed', previousStatus: 'pending' } as const;
    await bed.handleEvent(OrderStatusUpdated, data, { id: 'first' });
    const { letters } = await bed.runtime.deadLetters.page(1, 10);
    await bed.context().counters.update('o1', () => ({ count: 2 }));
    expect(await bed.runtime.replay(letters[0]?.id ?? '')).toEqual({ succeeded: true });
    expect(await count(bed)).toBe(1);
  });
});

it.each(['a\u0000b', 'a||b', '\ud800', 'line\nbreak', 'x'.repeat(513)])(
  'a key that a store may refuse is refused for good: %j',
  async (key) => {
    const bed = testbed(counter);
    const { counters } = bed.context();
    const refusal = { code: Code.INVALID_ARGUMENT };
    await expect(counters.get(key)).rejects.toMatchObject(refusal);
    await expect(counters.update(key, () => ({ count: 1 }))).rejects.toMatchObject(refusal);
    expect(bed.memory.documents.size).toBe(0);
  },
);

describe('the time of the last change of a document', () => {
  const noting = new Service('order', {
    serves: OrderService,
    stores: { notes: z.object({ text: z.string(), updatedAt: z.iso.datetime() }) },
  });
  const START = '2026-01-01T10:00:00.000Z';

  async function written() {
    const bed = testbed(noting);
    const first = await bed.context().notes.update('n1', () => ({ text: 'a', updatedAt: START }));
    expect(first.updatedAt).toBe(START);
    return bed;
  }

  it.each([
    ['within the same millisecond', START, '2026-01-01T10:00:00.001Z'],
    ['by a replica whose clock is behind', '2026-01-01T09:00:00.000Z', '2026-01-01T10:00:00.001Z'],
    ['later', '2026-01-01T10:00:00.700Z', '2026-01-01T10:00:00.700Z'],
    ['in the form of another writer', '2026-01-01T10:00:00Z', '2026-01-01T10:00:00.001Z'],
  ])('increases with a change %s', async (_, updatedAt, expected) => {
    const bed = await written();
    const change = () => ({ text: 'b', updatedAt });
    const after = { text: 'b', updatedAt: expected };
    expect(await bed.context().notes.update('n1', change)).toEqual(after);
    expect(await bed.context().notes.get('n1')).toEqual(after);
  });

  it('increases also if the change does not set it', async () => {
    const bed = await written();
    await bed.context().notes.update('n1', (now) => ({ ...now!, text: 'b' }));
    const { updatedAt } = (await bed.context().notes.get('n1')) ?? {};
    expect(updatedAt).toBe('2026-01-01T10:00:00.001Z');
  });

  it('stays the same if nothing is changed', async () => {
    const bed = await written();
    await bed.context().notes.update('n1', (now) => now!);
    expect((await bed.context().notes.get('n1'))?.updatedAt).toBe(START);
  });
});
