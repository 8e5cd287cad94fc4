import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Caller } from '#kit/core/caller';
import { Code } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { PaymentFailed } from '#contracts/payment';
import { NO_MARKS, UNREAD_WINDOW, isRead, unreadCount, withRead, withReadThrough } from './domain';
import { bed } from './testing';

const ann: Caller = { userId: 'ann', role: 'customer', tenantId: 'default' };
type Bed = ReturnType<typeof bed>;

async function receive(on: Bed, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) {
    const payment = { paymentId: `p${n}`, orderId: `o${n}`, userId: 'ann' };
    await on.handleEvent(
      PaymentFailed,
      { ...payment, reason: 'card_expired' },
      { id: `event ${n}` },
    );
    on.clock.advance(1_000);
  }
}
async function withInbox(count: number): Promise<Bed> {
  const on = bed();
  await receive(on, 1, count);
  return on;
}
const inbox = async (on: Bed, caller = ann) => {
  const { items } = await on.call('listNotifications', { limit: 100 }, { caller });
  const { unread } = await on.call('countUnread', {}, { caller });
  expect(items.filter(({ read }) => !read)).toHaveLength(unread);
  return { items, unread, read: items.map(({ read }) => read) };
};
const idAt = async (on: Bed, index: number) =>
  (await inbox(on)).items[index]?.notificationId ?? 'none';

describe('a notification', () => {
  test('is unread until it is marked, alone or with all others', async () => {
    const on = await withInbox(4);
    expect((await inbox(on)).unread).toBe(4);
    const notificationId = await idAt(on, 1);
    expect(await on.call('markRead', { notificationId }, { caller: ann })).toMatchObject({
      unread: 3,
    });
    expect((await inbox(on)).read).toEqual([false, true, false, false]);
    // once more changes nothing
    expect(await on.call('markRead', { notificationId }, { caller: ann })).toMatchObject({
      unread: 3,
    });
    expect(await on.call('markAllRead', {}, { caller: ann })).toMatchObject({ unread: 0 });
    await receive(on, 5, 6);
    expect((await inbox(on)).read).toEqual([false, false, true, true, true, true]);
  });

  test('is counted once, however often its event is delivered', async () => {
    const on = await withInbox(3);
    await on.call('markRead', { notificationId: await idAt(on, 0) }, { caller: ann });
    await receive(on, 1, 3);
    expect(await inbox(on)).toMatchObject({ unread: 2, read: [true, false, false] });
  });

  test('is marked by its user only, and by the keys that act on behalf of the user', async () => {
    const on = await withInbox(1);
    const notificationId = await idAt(on, 0);
    for (const caller of [
      { ...ann, userId: 'bob' },
      { ...ann, userId: 'root', role: 'admin' as const },
      { ...ann, tenantId: 'other' },
    ]) {
      const call = on.call('markRead', { notificationId }, { caller });
      await expect(call).rejects.toMatchObject({ code: Code.NOT_FOUND });
      expect(await on.call('markAllRead', {}, { caller })).toMatchObject({ unread: 0 });
    }
    expect((await inbox(on)).unread).toBe(1);
    const key = { ...ann, userId: 'key_1', role: 'seller', ownerId: 'ann' } as const;
    expect(await on.call('markRead', { notificationId }, { caller: key })).toMatchObject({
      unread: 0,
    });
  });

  test.each(['markRead', 'markAllRead', 'countUnread'] as const)(
    'is not marked by strangers: %s',
    async (method) => {
      const on = await withInbox(1);
      const caller = { ...ann, userId: '', role: 'anonymous' as const };
      await expect(on.call(method, {}, { caller })).rejects.toMatchObject({
        code: Code.UNAUTHENTICATED,
      });
    },
  );

  test('that does not exist is NOT_FOUND, and one without the form of an id is refused', async () => {
    const on = await withInbox(1);
    const mark = (notificationId: string) =>
      on.call('markRead', { notificationId }, { caller: ann });
    await expect(mark('ntf_unknown')).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(mark('no id!')).rejects.toMatchObject({
      details: { fields: [{ field: 'notificationId' }] },
    });
  });

  test('is marked in the same way, wherever the process is killed', async () => {
    const notificationId = await idAt(await withInbox(3), 1);
    await expectCrashSafe(
      () => withInbox(3),
      (on) => on.call('markRead', { notificationId }, { caller: ann, id: 'm1' }),
    );
    await expectCrashSafe(
      () => withInbox(3),
      (on) => on.call('markAllRead', {}, { caller: ann, id: 'm2' }),
    );
  });

  test('that arrives while all are marked, or while the request is retried, is unread', async () => {
    const on = await withInbox(2);
    await on.call('markAllRead', {}, { caller: ann, id: 'once' });
    await receive(on, 3, 3);
    expect(await on.call('markAllRead', {}, { caller: ann, id: 'once' })).toMatchObject({
      unread: 1,
    });
    expect((await inbox(on)).read).toEqual([false, true, true]);
  });

  test('is marked beside others at the same time', async () => {
    const on = await withInbox(6);
    const { items } = await inbox(on);
    await Promise.all(
      items.map(({ notificationId }) => on.call('markRead', { notificationId }, { caller: ann })),
    );
    expect((await inbox(on)).unread).toBe(0);
    expect(await on.context(ann).reads.get('ann')).toEqual({ through: 6, positions: [] });
  });
});

test('the marks agree with a set of positions, whatever is marked in whatever order', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('arrive' as const), by: fc.nat({ max: 700 }) }),
    fc.record({ kind: fc.constant('read' as const), by: fc.nat({ max: 3_000 }) }),
    fc.record({ kind: fc.constant('all' as const), by: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let marks = NO_MARKS;
      let total = 0;
      const read = new Set<number>();
      for (const { kind, by } of steps) {
        if (kind === 'arrive') total += by;
        else if (kind === 'all') {
          marks = withReadThrough(marks, total);
          for (let position = 1; position <= total; position++) read.add(position);
        } else if (total > 0) {
          const position = (by % total) + 1;
          marks = withRead(marks, position, total);
          read.add(position);
        }
        const window = Math.max(0, total - UNREAD_WINDOW);
        let unread = 0;
        for (let position = window + 1; position <= total; position++) {
          if (!read.has(position)) unread++;
          expect(isRead(marks, position, total)).toBe(read.has(position));
        }
        expect(unreadCount(marks, total)).toBe(unread);
        expect(marks.positions.length).toBeLessThanOrEqual(UNREAD_WINDOW);
      }
    }),
    { numRuns: 60, seed: 1 },
  );
});
