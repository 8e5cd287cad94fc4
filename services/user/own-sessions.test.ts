import { describe, expect, test } from '@jest/globals';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { type Bed, anna, anonymous, withAnna } from './testing';

const HOUR = 3_600_000;
const idOf = ({ refreshToken }: { refreshToken: string }) => refreshToken.split('.')[1] ?? '';

describe("a user's own sessions", () => {
  test('are listed with their times, the most recently used one first', async () => {
    const { bed, caller, login } = await withAnna();
    const first = await login();
    bed.clock.advance(HOUR);
    const second = await login();
    const { refreshToken } = first;
    bed.clock.advance(HOUR);
    await bed.call('refresh', { refreshToken }, { caller: anonymous });
    const { items, total } = await bed.call('listSessions', {}, { caller });
    expect(total).toBe(2);
    expect(items.map(({ sessionId }) => sessionId)).toEqual([idOf(first), idOf(second)]);
    const [{ startedAt, lastUsedAt } = {}] = items;
    expect(timestampMs(lastUsedAt!) - timestampMs(startedAt!)).toBe(2 * HOUR);
    expect(JSON.stringify(items, (_, value: unknown) => String(value))).not.toContain('Hash');
  });

  test('can be ended one by one, or all but one', async () => {
    const { bed, caller, login } = await withAnna();
    const [one, two, three] = [await login(), await login(), await login()];
    await bed.call('endSession', { sessionId: idOf(two) }, { caller });
    const refresh = bed.call('refresh', { refreshToken: two.refreshToken }, { caller: anonymous });
    await expect(refresh).rejects.toMatchObject({ code: Code.UNAUTHENTICATED });
    const left = await bed.call('endSessions', { except: idOf(three) }, { caller });
    expect(left.endedSessions).toBe(1);
    const { items } = await bed.call('listSessions', {}, { caller });
    expect(items.map(({ sessionId }) => sessionId)).toEqual([idOf(three)]);
    expect((await bed.call('endSessions', {}, { caller })).endedSessions).toBe(1);
    const ended = await bed.call('getEndedSessions', {});
    expect(ended.sessions.map(({ sessionId }) => sessionId).sort()).toEqual(
      [one, two, three].map(idOf).sort(),
    );
  });

  test("do not include another user's", async () => {
    const { bed, caller, login } = await withAnna();
    const sessionId = idOf(await login());
    const bert = { ...anna, email: 'bert@example.com' };
    const { userId } = await bed.call('register', bert, { caller: anonymous });
    const other = { caller: { ...caller, userId } };
    expect((await bed.call('listSessions', {}, other)).items).toEqual([]);
    const end = bed.call('endSession', { sessionId }, other);
    await expect(end).rejects.toMatchObject({ code: Code.NOT_FOUND });
    expect((await bed.call('endSessions', {}, other)).endedSessions).toBe(0);
    expect((await bed.call('listSessions', {}, { caller })).total).toBe(1);
    for (const method of ['listSessions', 'endSessions'] as const) {
      await expect(bed.call(method, {}, { caller: anonymous })).rejects.toMatchObject({
        code: Code.UNAUTHENTICATED,
      });
    }
  });

  test.each(['endSession', 'endSessions'] as const)(
    '%s ends them in the same way, wherever the process is killed',
    async (method) => {
      let caller: { userId: string; role: 'customer'; tenantId: string };
      let sessionId = '';
      const prepare = async () => {
        const { bed, ...rest } = await withAnna();
        ({ caller } = rest);
        sessionId = idOf(await bed.call('login', anna, { caller: anonymous, id: 'l1' }));
        return bed;
      };
      const act = (bed: Bed): Promise<unknown> =>
        method === 'endSession'
          ? bed.call(method, { sessionId }, { caller, id: 'c1' })
          : bed.call(method, {}, { caller, id: 'c1' });
      await expectCrashSafe(prepare, act, { ignore: ['passwordHash', 'keys'] });
    },
  );
});
