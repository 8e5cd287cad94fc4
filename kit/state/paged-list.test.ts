import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineEvent } from '../messages/contract';
import { PAGE_SIZE } from './paged-list';
import { newCallContext } from '../core/call-context';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';

const shelves = new Service('order', { lists: ['ids'] });

const Entered = defineEvent('DiaryEntered', {
  ...{ type: 'diary.entered', description: 'Something was entered.' },
  data: z.object({ book: z.string(), id: z.string() }),
  subject: ({ book }) => book,
});
const diary = new Service('notification', { lists: ['ids'] });
diary.on(Entered, ({ book, id }, { lists }) => lists.ids.add(book, id));

function build() {
  const bed = testbed(shelves);
  /** The list as one handling has it; the same cause again is that handling repeated. */
  const list = (id: string) =>
    bed.runtime.openContext(newCallContext(bed.clock, { id })).lists['ids']!;
  const all = async () => (await list('look').page('o', 1, 1000)).items.toReversed();
  return { bed, list, all };
}

async function filled(count: number) {
  const made = build();
  for (let n = 1; n <= count; n++) await made.list(`fill ${n}`).add('o', `id-${n}`);
  return made;
}

describe('a list', () => {
  it('takes several ids of one handling, also where the first was there before a crash', async () => {
    const { list, all } = build();
    await list('e1').add('o', 'a');
    const again = list('e1');
    await again.add('o', 'a');
    await again.add('o', 'b');
    expect(await all()).toEqual(['a', 'b']);
  });

  it('lets go of an id that the same handling added before a crash', async () => {
    const { list, all } = build();
    await list('e1').add('o', 'a');
    const again = list('e1');
    await again.add('o', 'a');
    await again.remove('o', 'a');
    expect(await all()).toEqual([]);
  });

  it('keeps an id that came back, when its removal is repeated', async () => {
    const { list, all } = build();
    await list('e1').add('o', 'a');
    await list('e2').remove('o', 'a');
    await list('e3').add('o', 'a');
    await list('e2').remove('o', 'a');
    expect(await all()).toEqual(['a']);
  });

  it.each([50, 99, 100, 101, 180, 255])(
    'takes an id once, though %i others came before it is given again',
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
  ])('takes an id once, though it is given again after %s and 1,000 others', async (_, seconds) => {
    const bed = testbed(diary);
    const first = bed.eventOf(Entered, { book: 'o', id: 'a' });
    const giveSome = async (from: number) => {
      for (let n = from; n < from + 500; n++)
        await bed.handleEvent(Entered, { book: 'o', id: `id-${n}` });
    };
    await giveSome(0);
    await bed.deliver(first);
    bed.clock.advance(seconds * 500);
    await giveSome(500);
    bed.clock.advance(seconds * 500);
    await giveSome(1000);
    await bed.deliver(first);
    const { lists } = bed.runtime.openContext(newCallContext(bed.clock));
    const { items, total } = await lists['ids']!.page('o', 1, 2000);
    expect(items.filter((id) => id === 'a')).toHaveLength(1);
    expect(total).toBe(1501);
  });

  it('lets go of several ids of one old page at once', async () => {
    const { list, all } = await filled(PAGE_SIZE + 1);
    await Promise.all([1, 2, 3].map((n) => list(`r${n}`).remove('o', `id-${n}`)));
    const left = await all();
    expect(left).toHaveLength(PAGE_SIZE - 2);
    expect(left[0]).toBe('id-4');
    expect((await list('look').page('o', 1, 10)).total).toBe(PAGE_SIZE - 2);
  });

  it('counts right where a removal from an old page was cut short', async () => {
    const { bed, list } = await filled(PAGE_SIZE + 1);
    bed.injectFaults({ crashAfterEffect: 1 });
    await expect(list('r1').remove('o', 'id-1')).rejects.toThrow('killed');
    bed.restart();
    await list('r1').remove('o', 'id-1');
    expect((await list('look').page('o', 1, 10)).total).toBe(PAGE_SIZE);
  });

  it('loses none of those who come while the newest page is full', async () => {
    const { list, all } = await filled(PAGE_SIZE);
    await Promise.all([
      list('r1').remove('o', 'id-50'),
      ...['x', 'y', 'z'].map((id) => list(`add ${id}`).add('o', id)),
    ]);
    const left = await all();
    expect(left).toHaveLength(PAGE_SIZE + 2);
    expect(left).not.toContain('id-50');
    expect(left).toEqual(expect.arrayContaining(['x', 'y', 'z']));
  });

  it('writes nothing to let go of what it does not have', async () => {
    const { bed, list } = build();
    await list('r1').remove('o', 'a');
    expect(bed.memory.documents.size).toBe(0);
  });
});
