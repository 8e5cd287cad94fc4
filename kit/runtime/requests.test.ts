import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineEvent, defineRequest } from '../messages/contract';
import { expectCrashSafe } from '../testing/crash-safety';
import { Code, refused } from '../core/errors';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';

const Id = z.object({ id: z.string() });
const shape = { description: 'A test.', data: Id, subject: ({ id }: { id: string }) => id };
const GetCount = defineRequest('GetCount', {
  type: 'lamp.get-count',
  reply: z.object({ count: z.int() }),
  ...shape,
});
const Counted = defineEvent('Counted', { type: 'lamp.counted', ...shape });

const Count = z.object({ count: z.int() });
const requester = new Service('requester', { requests: [GetCount], stores: { counts: Count } });
requester.on(Counted, async ({ id }, { counts, request }) => {
  const { count } = await request(GetCount, { id });
  await counts.update(id, (now) => ({ count: (now?.count ?? 0) + count }));
});

const responder = new Service('responder', { stores: { counts: Count }, publishes: [Counted] });
responder.onRequest(GetCount, async ({ id }, { counts, publish }) => {
  const { count } = await counts.update(id, (now) => {
    if (id === 'none') throw refused('gone', 'there is none');
    return { count: (now?.count ?? 0) + 1 };
  });
  await publish(Counted, { id });
  return { count };
});

describe('a service that sends a request over the bus', () => {
  const open = () => testbed(requester, { replies: { GetCount: () => ({ count: 2 }) } });

  it('continues with the reply', async () => {
    const bed = open();
    await expect(bed.handleEvent(Counted, { id: 'l1' })).resolves.toBe('SUCCESS');
    await expect(bed.context().counts.getOrThrow('l1')).resolves.toEqual({ count: 2 });
  });

  it('is crash-safe', async () => {
    await expectCrashSafe(open, (bed) => bed.handleEvent(Counted, { id: 'l1' }, { id: 'e1' }));
  });

  it('receives a refusal', async () => {
    const no = () => {
      throw refused('dark', 'it is dark');
    };
    const bed = testbed(requester, { replies: { GetCount: no } });
    await expect(bed.context().request(GetCount, { id: 'l1' })).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'dark' },
    });
  });

  it('times out after 5 s, and rejects an unreadable reply', async () => {
    const silent = testbed(requester);
    const started = silent.clock.now();
    await expect(silent.context().request(GetCount, { id: 'l1' })).rejects.toMatchObject({
      code: Code.DEADLINE_EXCEEDED,
    });
    expect(silent.clock.now() - started).toBe(5_000);
    const bed = testbed(requester);
    const requesting = bed.context().request(GetCount, { id: 'l1' });
    const unreadable = expect(requesting).rejects.toMatchObject({
      details: { reason: 'unreadable' },
    });
    await bed.clock.sleep(0);
    await bed.deliver({
      specversion: '1.0',
      id: 'r1',
      type: 'requester.replies',
      source: 'responder',
      causationid: bed.memory.events[0]?.id,
      data: { refusal: null, answer: { count: 'many' } },
    });
    await unreadable;
  });

  it('receives a reply that it waits for also while it stops', async () => {
    const bed = testbed(requester);
    const requesting = bed.context().request(GetCount, { id: 'l1' });
    await bed.clock.sleep(0);
    void bed.runtime.drain();
    await bed.deliver({
      specversion: '1.0',
      id: 'r1',
      type: 'requester.replies',
      source: 'responder',
      causationid: bed.memory.events[0]?.id,
      data: { refusal: null, answer: { count: 7 } },
    });
    await expect(requesting).resolves.toEqual({ count: 7 });
  });
});

describe('a service that handles requests over the bus', () => {
  it('is crash-safe', async () => {
    for (const id of ['l1', 'none']) {
      await expectCrashSafe(
        () => testbed(responder),
        (bed) => bed.handleEvent(GetCount, { id }, { id: 'e1' }),
      );
    }
  });

  it('publishes the same reply again if the request is redelivered', async () => {
    const bed = testbed(responder);
    await bed.handleEvent(GetCount, { id: 'l1' }, { id: 'e1' });
    await bed.handleEvent(GetCount, { id: 'l1' }, { id: 'e1' });
    const replies = bed.memory.events.filter(({ type }) => type === 'test.replies');
    expect(replies).toHaveLength(2);
    expect(replies[1]?.id).toBe(replies[0]?.id);
    expect(replies.map(({ data }) => data)).toEqual([
      { refusal: null, answer: { count: 1 } },
      { refusal: null, answer: { count: 1 } },
    ]);
  });

  it('replies only to a reply topic', async () => {
    const bed = testbed(responder);
    await bed.deliver({
      specversion: '1.0',
      id: 'r1',
      type: GetCount.type,
      source: 'any',
      replyto: 'order.place',
      data: { id: 'l1' },
    });
    expect(bed.memory.events).toEqual([]);
    expect(await bed.runtime.deadLetters.page(1, 10)).toMatchObject({ total: 1 });
  });

  it('cannot handle a request without a reply', () => {
    const service = new Service('lamps', {});
    expect(() => {
      service.on(GetCount, async () => undefined);
    }).toThrow('lamp.get-count is a request: use onRequest');
  });
});
