import { describe, expect, it, jest } from '@jest/globals';
import { z } from 'zod';
import { defineEvent } from '../messages/contract';
import { PAGE_SIZE } from './paged-list';
import { newCallContext } from '../core/call-context';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';

const shelves = new Service('order', { lists: ['ids'] });

const Entered = defineEvent('DiaryEntered', {
  type: 'diary.entered',
  description: 'Something was entered.',
  data: z.object({ book: z.string(), id: z.string() }),
  subject: ({ book }) => book,
});
const diary = new Service('notification', { lists: ['ids'] });
diary.on(Entered, ({ book, id }, { lists }) => lists.ids.add(book, id));

function build() {
  const bed = testbed(shelves);
  /** The list in one execution. The same id is a repetition of that execution. */
  const list = (id: string) =>
    bed.runtime.openContext(newCallContext(bed.clock, { id })).lists['ids']!;
  const all = async () => (await list('read').page('o', 1, 1000)).items.toReversed();
  return { bed, list, all };
}

async function filled(count: number) {
  const built = build();
  for (let n = 1; n <= count; n++) await built.list(`fill ${n}`).add('o', `id-${n}`);
  return built;
}

describe('a list', () => {
  it('adds several ids in one execution, also if the first was added before a crash', async () => {
    const { list, all } = build();
    await list('e1').add('o', 'a');
    const again = list('e1');
    await again.add('o', 'a');
    await again.add('o', 'b');
    expect(await all()).toEqual(['a', 'b']);
  });

  it('removes an id that the same execution added before a crash', async () => {
    const { list, all } = build();
    await list('e1').add('o', 'a');
    const again = list('e1');
    await again.add('o', 'a');
    await again.remove('o', 'a');
    expect(await all()).toEqual([]);
  });

  it('keeps an id that was added again when its removal is repeated', async () => {
    const { list, all } = build();
    await list('e1').add('o', 'a');
    await list('e2').remove('o', 'a');
    await list('e3').add('o', 'a');
    await list('e2').remove('o', 'a');
    expect(await all()).toEqual(['a']);
  });

  it.each([50, 99, 100, 101, 180, 255])(
    'adds an id once if it is redelivered after %i others',
    async (others) => {
      const { list, all } = await filled(PAGE_SIZE - 20);
      await list('e1').add('o', 'a');
      for (let n = 1; n <= others; n++) await list(`other ${n}`).add('o', `other-${n}`);
      await list('e1').add('o', 'a');
      const ids = await all();
      expect(ids.filter((id) => id === 'a')).toHaveLength(1);
      expect(ids).toHaveLength(PAGE_SIZE - 20 + 1 + others);
    },
  );

  it.each([
    ['a minute', 60],
    ['a day', 24 * 3600],
  ])('adds an id once if it is redelivered after %s and 1,000 others', async (_, seconds) => {
    const bed = testbed(diary);
    const first = bed.eventOf(Entered, { book: 'o', id: 'a' });
    const add500 = async (from: number) => {
      for (let n = from; n < from + 500; n++)
        await bed.handleEvent(Entered, { book: 'o', id: `id-${n}` });
    };
    await add500(0);
    await bed.deliver(first);
    bed.clock.advance(seconds * 500);
    await add500(500);
    bed.clock.advance(seconds * 500);
    await add500(1000);
    await bed.deliver(first);
    const { lists } = bed.runtime.openContext(newCallContext(bed.clock));
    const { items, total } = await lists['ids']!.page('o', 1, 2000);
    expect(items.filter((id) => id === 'a')).toHaveLength(1);
    expect(total).toBe(1501);
  });

  it('removes several ids of one old page concurrently', async () => {
    const { list, all } = await filled(PAGE_SIZE + 1);
    await Promise.all([1, 2, 3].map((n) => list(`r${n}`).remove('o', `id-${n}`)));
    const ids = await all();
    expect(ids).toHaveLength(PAGE_SIZE - 2);
    expect(ids[0]).toBe('id-4');
    expect((await list('read').page('o', 1, 10)).total).toBe(PAGE_SIZE - 2);
  });

  it('counts correctly if the process dies while it removes an id from an old page', async () => {
    const { bed, list } = await filled(PAGE_SIZE + 1);
    bed.injectFaults({ crashAfterEffect: 1 });
    await expect(list('r1').remove('o', 'id-1')).rejects.toThrow('killed');
    bed.restart();
    await list('r1').remove('o', 'id-1');
    expect((await list('read').page('o', 1, 10)).total).toBe(PAGE_SIZE);
  });

  it('loses no id that is added while the newest page is full', async () => {
    const { list, all } = await filled(PAGE_SIZE);
    await Promise.all([
      list('r1').remove('o', 'id-50'),
      ...['x', 'y', 'z'].map((id) => list(`add ${id}`).add('o', id)),
    ]);
    const ids = await all();
    expect(ids).toHaveLength(PAGE_SIZE + 2);
    expect(ids).not.toContain('id-50');
    expect(ids).toEqual(expect.arrayContaining(['x', 'y', 'z']));
  });

  it('returns the oldest ids first, over pages', async () => {
    const { list } = await filled(2 * PAGE_SIZE + 10);
    const ids = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, n) => `id-${String(from + n)}`);
    expect(await list('read').oldest('o', 0, 3)).toEqual(ids(1, 4));
    expect(await list('read').oldest('o', PAGE_SIZE - 2, 5)).toEqual(
      ids(PAGE_SIZE - 1, PAGE_SIZE + 4),
    );
    expect(await list('read').oldest('o', 2 * PAGE_SIZE + 8, 5)).toEqual(
      ids(2 * PAGE_SIZE + 9, 2 * PAGE_SIZE + 11),
    );
    expect(await list('read').oldest('o', 2 * PAGE_SIZE + 10, 5)).toEqual([]);
  });

  it('reads no page that is empty to remove the oldest id', async () => {
    const { bed, list } = await filled(5 * PAGE_SIZE);
    for (let n = 1; n <= 3 * PAGE_SIZE; n++) {
      const loads = jest.spyOn(bed.sidecar, 'load');
      await list(`r${String(n)}`).remove('o', `id-${String(n)}`, 'oldest');
      expect(loads.mock.calls.length).toBeLessThan(6);
      loads.mockRestore();
    }
    expect((await list('read').page('o', 1, 10)).total).toBe(2 * PAGE_SIZE);
  });

  it('writes nothing to remove an id that it does not have', async () => {
    const { bed, list } = build();
    await list('r1').remove('o', 'a');
    expect(bed.memory.documents.size).toBe(0);
  });
});
