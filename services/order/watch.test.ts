import { describe, expect, it } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { Code } from '#kit/core/errors';
import { testbed } from '#kit/testing/testbed';
import type { WatchOrderResponse } from '#proto/retail/order/v1/order_pb';
import { order } from './service';
import { ann, bedWith, pending } from './testing';

const bob: Caller = { userId: 'bob', role: 'customer', tenantId: 'default' };

type Bed = Awaited<ReturnType<typeof bedWith>>;

function watch(bed: Pick<Bed, 'stream'>, caller = ann) {
  const ended = new AbortController();
  const updates = bed.stream('watchOrder', { orderId: 'o1' }, ended.signal, { caller });
  const iterator = updates[Symbol.asyncIterator]();
  const next = async () => {
    const update = await iterator.next();
    if (update.done === true) return 'over';
    // what this method gives
    return (update.value as WatchOrderResponse).order?.status;
  };
  return {
    next,
    end: () => {
      ended.abort();
    },
  };
}

/** As another process of the service does it, that keeps the same documents. */
const replicaOf = (bed: Bed) => testbed(order, { memory: bed.memory, clock: bed.clock });

async function change(bed: Bed, status: 'confirmed' | 'cancelled') {
  await bed.context(ann).orders.update('o1', (known) => ({ ...known!, status }));
}

describe('who watches an order', () => {
  it('sees it as it is, and each change, also one that another replica made', async () => {
    const bed = await bedWith(pending());
    const { next } = watch(replicaOf(bed));
    expect(await next()).toBe('pending');
    await change(bed, 'confirmed');
    expect(await next()).toBe('confirmed');
    await change(bed, 'cancelled');
    expect(await next()).toBe('cancelled');
    // nothing can change any more
    expect(await next()).toBe('over');
  });

  it('has to ask again after five minutes', async () => {
    const bed = await bedWith(pending());
    const { next } = watch(bed);
    const begun = bed.clock.now();
    expect(await next()).toBe('pending');
    expect(await next()).toBe('over');
    const lasted = bed.clock.now() - begun;
    expect(lasted).toBeGreaterThan(295_000);
    expect(lasted).toBeLessThanOrEqual(300_000);
  });

  it('hears no more once they have gone, or the service stops', async () => {
    const bed = await bedWith(pending());
    const watches = [watch(bed), watch(bed)] as const;
    for (const { next } of watches) expect(await next()).toBe('pending');
    const [gone, left] = watches.map(({ next }) => next());
    watches[0].end();
    expect(await gone).toBe('over');
    await bed.runtime.drain();
    expect(await left).toBe('over');
  });

  it('finds nothing where it is not theirs', async () => {
    const bed = await bedWith(pending());
    for (const caller of [bob, { ...ann, tenantId: 'elsewhere' }]) {
      await expect(watch(bed, caller).next()).rejects.toMatchObject({ code: Code.NOT_FOUND });
    }
  });
});
