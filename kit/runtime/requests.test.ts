import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineEvent, defineRequest } from '../messages/contract';
import { expectCrashSafe } from '../testing/crash-safety';
import { Code, refused } from '../core/errors';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';

const Id = z.object({ id: z.string() });
const about = { description: 'A test.', data: Id, subject: ({ id }: { id: string }) => id };
const AskCount = defineRequest('AskCount', {
  type: 'lamp.ask-count',
  reply: z.object({ count: z.int() }),
  ...about,
});
const Asked = defineEvent('Asked', { type: 'lamp.asked', ...about });

const Count = z.object({ count: z.int() });
const asker = new Service('asker', { requests: [AskCount], stores: { counts: Count } });
asker.on(Asked, async ({ id }, { counts, request }) => {
  const { count } = await request(AskCount, { id });
  await counts.update(id, (now) => ({ count: (now?.count ?? 0) + count }));
});

const answerer = new Service('answerer', { stores: { counts: Count }, publishes: [Asked] });
answerer.onRequest(AskCount, async ({ id }, { counts, publish }) => {
  const { count } = await counts.update(id, (now) => {
    if (id === 'none') throw refused('gone', 'there is none');
    return { count: (now?.count ?? 0) + 1 };
  });
  await publish(Asked, { id });
  return { count };
});

describe('a service that asks over the bus', () => {
  const ask = () => testbed(asker, { replies: { AskCount: () => ({ count: 2 }) } });

  it('goes on with the answer', async () => {
    const bed = ask();
    await expect(bed.handleEvent(Asked, { id: 'l1' })).resolves.toBe('SUCCESS');
    await expect(bed.context().counts.getOrThrow('l1')).resolves.toEqual({ count: 2 });
  });

  it('ends the same, wherever it is killed', async () => {
    await expectCrashSafe(ask, (bed) => bed.handleEvent(Asked, { id: 'l1' }, { id: 'e1' }));
  });

  it('hears of a refusal', async () => {
    const no = () => {
      throw refused('dark', 'it is dark');
    };
    const bed = testbed(asker, { replies: { AskCount: no } });
    await expect(bed.context().request(AskCount, { id: 'l1' })).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'dark' },
    });
  });

  it('waits 5 s, and tells an answer that it cannot read from none', async () => {
    const silent = testbed(asker);
    const begun = silent.clock.now();
    await expect(silent.context().request(AskCount, { id: 'l1' })).rejects.toMatchObject({
      code: Code.DEADLINE_EXCEEDED,
    });
    expect(silent.clock.now() - begun).toBe(5_000);
    const bed = testbed(asker);
    const asking = bed.context().request(AskCount, { id: 'l1' });
    const unreadable = expect(asking).rejects.toMatchObject({ details: { reason: 'unreadable' } });
    await bed.clock.sleep(0);
    await bed.deliver({
      ...{ specversion: '1.0', id: 'r1', type: 'asker.replies', source: 'answerer' },
      causationid: bed.memory.events[0]?.id,
      data: { refusal: null, answer: { count: 'many' } },
    });
    await unreadable;
  });

  it('gets the answer that it waits for also while it stops', async () => {
    const bed = testbed(asker);
    const asking = bed.context().request(AskCount, { id: 'l1' });
    await bed.clock.sleep(0);
    void bed.runtime.drain();
    await bed.deliver({
      ...{ specversion: '1.0', id: 'r1', type: 'asker.replies', source: 'answerer' },
      causationid: bed.memory.events[0]?.id,
      data: { refusal: null, answer: { count: 7 } },
    });
    await expect(asking).resolves.toEqual({ count: 7 });
  });
});

describe('a service that answers over the bus', () => {
  it('ends the same, wherever it is killed', async () => {
    for (const id of ['l1', 'none']) {
      await expectCrashSafe(
        () => testbed(answerer),
        (bed) => bed.handleEvent(AskCount, { id }, { id: 'e1' }),
      );
    }
  });

  it('says the same answer again where the request comes again', async () => {
    const bed = testbed(answerer);
    await bed.handleEvent(AskCount, { id: 'l1' }, { id: 'e1' });
    await bed.handleEvent(AskCount, { id: 'l1' }, { id: 'e1' });
    const replies = bed.memory.events.filter(({ type }) => type === 'test.replies');
    expect(replies).toHaveLength(2);
    expect(replies[1]?.id).toBe(replies[0]?.id);
    expect(replies.map(({ data }) => data)).toEqual([
      { refusal: null, answer: { count: 1 } },
      { refusal: null, answer: { count: 1 } },
    ]);
  });

  it('says it on no other topic than one of replies', async () => {
    const bed = testbed(answerer);
    await bed.deliver({
      ...{ specversion: '1.0', id: 'r1', type: AskCount.type, source: 'anyone' },
      ...{ replyto: 'order.place', data: { id: 'l1' } },
    });
    expect(bed.memory.events).toEqual([]);
    expect(await bed.runtime.deadLetters.page(1, 10)).toMatchObject({ total: 1 });
  });

  it('is not to hear a request without an answer', () => {
    const deaf = new Service('deaf', {});
    expect(() => {
      deaf.on(AskCount, async () => undefined);
    }).toThrow('lamp.ask-count is to be answered');
  });
});
