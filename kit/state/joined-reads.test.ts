import { describe, expect, it, jest } from '@jest/globals';
import { z } from 'zod';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { unavailable } from '../core/errors';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';

const Document = z.object({ name: z.string() });
const shelf = new Service('order', {
  serves: OrderService,
  stores: { books: Document, maps: Document },
});

async function bedWith(...names: string[]) {
  const bed = testbed(shelf);
  for (const name of names) await bed.context().books.update(name, () => ({ name }));
  await bed.context().maps.update('m', () => ({ name: 'm' }));
  const load = jest.spyOn(bed.sidecar, 'load');
  const loadMany = jest.spyOn(bed.sidecar, 'loadMany');
  return { bed, load, loadMany };
}

describe('reads that an execution begins together', () => {
  it('are one request, also of different stores', async () => {
    const { bed, load, loadMany } = await bedWith('a', 'b');
    const { books, maps } = bed.context();
    const found = await Promise.all([books.get('a'), maps.get('m'), books.get('b')]);
    expect(found.map((one) => one?.name)).toEqual(['a', 'm', 'b']);
    expect(loadMany).toHaveBeenCalledTimes(1);
    expect(load).not.toHaveBeenCalled();
  });

  it('return undefined for a document that does not exist', async () => {
    const { bed } = await bedWith('a');
    const { books } = bed.context();
    expect(await Promise.all([books.get('a'), books.get('z')])).toEqual([{ name: 'a' }, undefined]);
  });

  it('read a document once', async () => {
    const { bed, load } = await bedWith('a');
    const { books } = bed.context();
    await Promise.all([books.get('a'), books.get('a')]);
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('all fail if the request fails', async () => {
    const { bed, loadMany } = await bedWith('a', 'b');
    const { books } = bed.context();
    loadMany.mockRejectedValueOnce(unavailable('the store is down'));
    const results = await Promise.allSettled([books.get('a'), books.get('b')]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await books.get('a')).toEqual({ name: 'a' });
  });

  it('can be followed by a change without another read', async () => {
    const { bed, load } = await bedWith('a', 'b');
    const { books } = bed.context();
    await Promise.all([books.get('a'), books.get('b')]);
    await books.update('a', () => ({ name: 'changed' }));
    expect(load).not.toHaveBeenCalled();
    expect(await bed.context().books.get('a')).toEqual({ name: 'changed' });
  });
});

describe('reads of two executions', () => {
  it('are two requests, as each has its own deadline', async () => {
    const { bed, load, loadMany } = await bedWith('a', 'b');
    await Promise.all([bed.context().books.get('a'), bed.context().books.get('b')]);
    expect(load).toHaveBeenCalledTimes(2);
    expect(loadMany).not.toHaveBeenCalled();
  });
});

describe('a document that is assumed to be absent', () => {
  it('is created without a read', async () => {
    const { bed, load } = await bedWith();
    const { books } = bed.context();
    books.assumeAbsent('new');
    expect(await books.update('new', () => ({ name: 'new' }))).toEqual({ name: 'new' });
    expect(load).not.toHaveBeenCalled();
  });

  it('is read and kept if it exists after all', async () => {
    const { bed } = await bedWith('a');
    const { books } = bed.context();
    books.assumeAbsent('a');
    const kept = await books.update('a', (known) => known ?? { name: 'another' });
    expect(kept).toEqual({ name: 'a' });
  });
});
