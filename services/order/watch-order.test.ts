import { describe, expect, it } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { Code } from '#kit/core/errors';
import { testbed } from '#kit/testing/testbed';
import type { WatchOrderResponse } from '#proto/retail/order/v1/order_pb';
import { order } from './service';
import { ann, bedWith, pendingOrder } from './testing';

const bob: Caller = { userId: 'bob', role: 'customer', tenantId: 'default' };

type Bed = Awaited<ReturnType<typeof bedWith>>;

function watch(bed: Pick<Bed, 'stream'>, caller = ann) {
  const ended = new AbortController();
  const updates = bed.stream('watchOrder', { orderId: 'o1' }, ended.signal, { caller });
  const iterator = updates[Symbol.asyncIterator]();
  const next = async () => {
    const update = await iterator.next();
    if (update.done === true) return 'ended';
    // the response type of this method
    return (update.value as WatchOrderResponse).order?.status;
  };
  return {
    next,
    end: () => {
      ended.abort();
    },
  };
}

/** Another replica of the service, with the same documents. */
const replicaOf = (bed: Bed) => testbed(order, { memory: bed.memory, clock: bed.clock });

async function change(bed: Bed, status: 'confirmed' | 'cancelled') {
  await bed.context(ann).orders.update('o1', (known) => ({ ...known!, status }));
}

describe('watchOrder', () => {
  it('streams the order and each change, including changes by another replica', async () => {
    const bed = await bedWith(pendingOrder());
    const { next } = watch(replicaOf(bed));
    expect(await next()).toBe('pending');
    await change(bed, 'confirmed');
    expect(await next()).toBe('confirmed');
    await change(bed, 'cancelled');
    expect(await next()).toBe('cancelled');
    // a cancelled order does not change any more
    expect(await next()).toBe('ended');
  });

  it('ends after five minutes', async () => {
    const bed = await bedWith(pendingOrder());
    const { next } = watch(bed);
    const begun = bed.clock.now();
    expect(await next()).toBe('pending');
    expect(await next()).toBe('ended');
    const lasted = bed.clock.now() - begun;
    expect(lasted).toBeGreaterThan(295_000);
    expect(lasted).toBeLessThanOrEqual(300_000);
  });

  it('ends when the client leaves or the service stops', async () => {
    const bed = await bedWith(pendingOrder());
    const watches = [watch(bed), watch(bed)] as const;
    for (const { next } of watches) expect(await next()).toBe('pending');
    const [first, second] = watches.map(({ next }) => next());
    watches[0].end();
    expect(await first).toBe('ended');
    await bed.runtime.drain();
    expect(await second).toBe('ended');
  });

  it('throws NOT_FOUND for the order of another user', async () => {
    const bed = await bedWith(pendingOrder());
    for (const caller of [bob, { ...ann, tenantId: 'elsewhere' }]) {
      await expect(watch(bed, caller).next()).rejects.toMatchObject({ code: Code.NOT_FOUND });
    }
  });
});
