import { describe, expect, test } from '@jest/globals';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { decodeJwt } from 'jose';
import { Code } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { testbed } from '#kit/testing/testbed';
import { AccountSecurityChanged } from '#contracts/user';
import { user } from './service';
import { config } from './testing';
import type { Sessions } from './session-domain';
import { SESSION_MAX_MS, SESSION_MS } from './timeouts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const caller = { userId: '', role: 'anonymous', tenantId: 'default' } as const;
const anna = { email: 'anna@example.com', password: 'correct horse', name: 'Anna' };
const signedOut = { code: Code.UNAUTHENTICATED, details: { reason: 'signed_out' } };

async function withAnna() {
  const bed = testbed(user, { config });
  await bed.call('register', anna, { caller });
  await bed.settle();
  const login = () => bed.call('login', anna, { caller });
  const refresh = (refreshToken: string, id?: string) =>
    bed.call('refresh', { refreshToken }, { caller, ...(id === undefined ? {} : { id }) });
  const logout = (refreshToken: string) => bed.call('logout', { refreshToken }, { caller });
  return { bed, login, refresh, logout };
}

type UserBed = Awaited<ReturnType<typeof withAnna>>['bed'];

function signedInOn(bed: UserBed): string[] {
  const stored = [...bed.memory.documents].filter(([key]) => key.startsWith('sessions:'));
  return stored.flatMap(([, { json }]) => {
    // written by the service itself
    const { data } = JSON.parse(json) as { data: Sessions };
    return data.sessions.map(({ sessionId }) => sessionId);
  });
}

describe('a session that ended', () => {
  const sidOf = (token: string) => String(decodeJwt(token)['sid']);

  async function withList() {
    const { bed, ...anna } = await withAnna();
    const list = async (since?: number) => {
      const request = since === undefined ? {} : { since: timestampFromMs(since) };
      const { sessions, asOf } = await bed.call('getEndedSessions', request);
      expect(asOf && timestampMs(asOf)).toBe(bed.clock.now());
      return sessions.map(({ sessionId }) => sessionId);
    };
    return { bed, list, ...anna };
  }

  test('is listed, whichever way it ended', async () => {
    const { login, logout, refresh, list } = await withList();
    const out = await login();
    await logout(out.refreshToken);
    expect(await list()).toEqual([sidOf(out.token)]);

    const copied = await login();
    await refresh(copied.refreshToken);
    await expect(refresh(copied.refreshToken)).rejects.toMatchObject(signedOut);
    expect(await list()).toEqual([out, copied].map(({ token }) => sidOf(token)));

    const first = await login();
    for (let device = 0; device < 10; device++) await login();
    expect(await list()).toEqual([out, copied, first].map(({ token }) => sidOf(token)));
  });

  test('is listed until its last access token expires, and only if it ended since the given time', async () => {
    const { bed, login, logout, list } = await withList();
    const { token, refreshToken } = await login();
    await logout(refreshToken);
    bed.clock.advance(59 * MINUTE);
    const later = await login();
    await logout(later.refreshToken);
    expect(await list()).toEqual([sidOf(token), sidOf(later.token)]);
    expect(await list(bed.clock.now() - MINUTE)).toEqual([sidOf(later.token)]);
    bed.clock.advance(2 * MINUTE);
    expect(await list()).toEqual([sidOf(later.token)]);
    // later slices overwrite the documents of earlier ones
    for (let slice = 0; slice < 30; slice++) {
      bed.clock.advance(10 * MINUTE);
      await logout((await login()).refreshToken);
    }
    expect(await list()).toHaveLength(7);
    expect([...bed.memory.documents.keys()].filter((key) => key.includes('ended'))).toHaveLength(8);
  });

  test('cannot be ended without its secret, and is listed for services only', async () => {
    const { bed, login, logout, list } = await withList();
    const { refreshToken } = await login();
    const [userId, sessionId] = refreshToken.split('.');
    await logout(`${userId}.unknown.${'x'.repeat(43)}`);
    expect(await list()).toEqual([]);
    expect(sessionId).toBeDefined();
    await expect(bed.call('getEndedSessions', {}, { caller })).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
    });
  });

  /** The ways in which a session ends, each with the same tokens in every run. */
  const ways: [string, () => Promise<{ bed: UserBed; end: (bed: UserBed) => Promise<unknown> }>][] =
    [
      [
        'a logout',
        async () => {
          const { bed } = await withAnna();
          const { refreshToken } = await bed.call('login', anna, { caller, id: 'login_1' });
          const options = { caller, id: 'cause_1' };
          return { bed, end: (on) => on.call('logout', { refreshToken }, options) };
        },
      ],
      [
        'a refresh token that is used twice',
        async () => {
          const { bed } = await withAnna();
          const { refreshToken } = await bed.call('login', anna, { caller, id: 'login_1' });
          await bed.call('refresh', { refreshToken }, { caller, id: 'refresh_1' });
          const options = { caller, id: 'cause_1' };
          return { bed, end: (on) => on.call('refresh', { refreshToken }, options) };
        },
      ],
      [
        'an eleventh device',
        async () => {
          const { bed } = await withAnna();
          for (let device = 1; device <= 10; device++) {
            await bed.call('login', anna, { caller, id: `login_${String(device)}` });
          }
          return { bed, end: (on) => on.call('login', anna, { caller, id: 'cause_1' }) };
        },
      ],
    ];

  test.each(ways)(
    '%s ends the session in the same state, wherever the process is killed',
    async (_, build) => {
      let end: (bed: UserBed) => Promise<unknown> = () => Promise.resolve();
      const prepared = async () => {
        const { bed, end: act } = await build();
        end = act;
        return bed;
      };
      // keys are random, and so is what is derived from them
      const ignore = ['passwordHash', 'keys', 'tokenHash'];
      await expectCrashSafe(prepared, (bed) => end(bed), { ignore });
    },
  );

  test.each(ways)(
    '%s removes no session before it is listed, even if the process is killed and nothing is retried',
    async (_, build) => {
      const { bed: whole, end: undisturbed } = await build();
      whole.injectFaults({});
      await undisturbed(whole).catch(() => undefined);
      const { effects } = whole.sidecar;
      expect(effects).toBeGreaterThan(1);
      for (let effect = 1; effect <= effects; effect++) {
        const { bed, end } = await build();
        const before = signedInOn(bed);
        bed.injectFaults({ crashAfterEffect: effect });
        await end(bed).catch(() => undefined);
        bed.restart();
        const { sessions } = await bed.call('getEndedSessions', {});
        const listed = sessions.map(({ sessionId }) => sessionId);
        const removed = before.filter((sessionId) => !signedInOn(bed).includes(sessionId));
        expect(listed).toEqual(expect.arrayContaining(removed));
      }
    },
  );
});

describe('a refresh token', () => {
  test('is exchanged for a new pair of tokens, any number of times until 90 days after the sign-in', async () => {
    const { bed, login, refresh } = await withAnna();
    let { refreshToken, token } = await login();
    for (let days = 20; days <= 80; days += 20) {
      bed.clock.advance(20 * 24 * 3_600_000);
      const next = await refresh(refreshToken);
      expect(next.token).not.toBe(token);
      expect(next.refreshToken).not.toBe(refreshToken);
      expect(next.user).toMatchObject({ email: 'anna@example.com', role: 'customer' });
      ({ refreshToken, token } = next);
    }
    // ten days are left, although the token was used a moment ago
    bed.clock.advance(SESSION_MAX_MS - 80 * DAY - MINUTE);
    const last = await refresh(refreshToken);
    expect(timestampMs(last.refreshExpiresAt!)).toBe(bed.clock.now() + MINUTE);
    expect(timestampMs(last.expiresAt!)).toBe(bed.clock.now() + MINUTE);
    bed.clock.advance(MINUTE);
    await expect(refresh(last.refreshToken)).rejects.toMatchObject(signedOut);
  });

  test('of a session that was stored before its lifetime was limited expires 90 days after its next use', async () => {
    const { bed, login, refresh } = await withAnna();
    const first = await login();
    const { userId } = first.user!;
    await bed.context().sessions.update(userId, (now) => ({
      sessions: now!.sessions.map(({ sessionId, tokenHash, expiresAt }) => {
        return { sessionId, tokenHash, expiresAt };
      }),
    }));
    let { refreshToken } = first;
    for (let days = 20; days <= 80; days += 20) {
      bed.clock.advance(20 * DAY);
      ({ refreshToken } = await refresh(refreshToken));
    }
    bed.clock.advance(10 * DAY);
    await expect(refresh(refreshToken)).rejects.toMatchObject(signedOut);
  });

  test('with a made-up secret ends nothing, by refresh or by logout', async () => {
    const { bed, login, refresh, logout } = await withAnna();
    const { refreshToken } = await login();
    const [userId, sessionId] = refreshToken.split('.');
    for (const letter of ['x', 'A', '_']) {
      const made = `${userId}.${sessionId}.${letter.repeat(43)}`;
      await expect(refresh(made)).rejects.toMatchObject(signedOut);
      await expect(logout(made)).resolves.toBeDefined();
    }
    expect(signedInOn(bed)).toEqual([sessionId]);
    expect(bed.published(AccountSecurityChanged)).toEqual([]);
    await expect(refresh(refreshToken)).resolves.toBeDefined();
  });

  test('of another session, with the id of this one, ends nothing', async () => {
    const { bed, login, refresh, logout } = await withAnna();
    const mine = (await login()).refreshToken.split('.');
    const other = (await login()).refreshToken.split('.');
    const mixed = `${mine[0]}.${mine[1]}.${other[2]}`;
    await expect(refresh(mixed)).rejects.toMatchObject(signedOut);
    await logout(mixed);
    expect(signedInOn(bed)).toEqual([mine[1], other[1]]);
  });

  test('that was exchanged ends its session at a logout, too, and the user is notified of a second use', async () => {
    const { bed, login, refresh, logout } = await withAnna();
    const { refreshToken: spent } = await login();
    await refresh(spent);
    await logout(spent);
    expect(signedInOn(bed)).toEqual([]);
    const { refreshToken: copied } = await login();
    await refresh(copied);
    await expect(refresh(copied)).rejects.toMatchObject(signedOut);
    expect(bed.published(AccountSecurityChanged)).toMatchObject([
      { change: 'refresh_token_reused' },
    ]);
  });

  test('works once: a second use ends the session for both holders', async () => {
    const { login, refresh } = await withAnna();
    const elsewhere = await login();
    const { refreshToken: stolen } = await login();
    const { refreshToken: mine } = await refresh(stolen);
    await expect(refresh(stolen)).rejects.toMatchObject(signedOut);
    await expect(refresh(mine)).rejects.toMatchObject(signedOut);
    // only that device is signed out
    await expect(refresh(elsewhere.refreshToken)).resolves.toBeDefined();
  });

  test('works once when two uses race', async () => {
    const { login, refresh } = await withAnna();
    const { refreshToken } = await login();
    const both = await Promise.allSettled([refresh(refreshToken), refresh(refreshToken)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('stops working after 30 days without use, at logout and with the eleventh device', async () => {
    const { bed, login, refresh, logout } = await withAnna();
    const { refreshToken: first } = await login();
    await logout(first);
    await expect(refresh(first)).rejects.toMatchObject(signedOut);
    // a repeated logout succeeds
    await expect(logout(first)).resolves.toBeDefined();

    const { refreshToken: second } = await login();
    for (let device = 0; device < 10; device++) await login();
    await expect(refresh(second)).rejects.toMatchObject(signedOut);

    const { refreshToken: third } = await login();
    bed.clock.advance(SESSION_MS);
    await expect(refresh(third)).rejects.toMatchObject(signedOut);
  });

  test.each(['', 'x', 'a.b.c', `user_1.session_1.${'x'.repeat(42)}`, '../../a.b.c'])(
    'with invalid syntax is refused with the name of the field: %p',
    async (refreshToken) => {
      const { refresh } = await withAnna();
      await expect(refresh(refreshToken)).rejects.toMatchObject({
        code: Code.INVALID_ARGUMENT,
        details: { fields: [{ field: 'refreshToken' }] },
      });
    },
  );

  test('that was not issued is refused and stores nothing', async () => {
    const { bed, refresh } = await withAnna();
    const before = bed.memory.documents.size;
    await expect(refresh(`user_1.session_1.${'x'.repeat(43)}`)).rejects.toMatchObject(signedOut);
    expect(bed.memory.documents.size).toBe(before);
  });

  test('is stored as a hash and in no event', async () => {
    const { bed, login } = await withAnna();
    const { refreshToken } = await login();
    const secret = refreshToken.split('.')[2] ?? '?';
    expect(secret).toHaveLength(43);
    expect(JSON.stringify([...bed.memory.documents, bed.memory.events])).not.toContain(secret);
  });

  test('is the same when the request is retried after a crash', async () => {
    const { login, refresh } = await withAnna();
    const { refreshToken } = await login();
    const first = await refresh(refreshToken, 'cause_1');
    const again = await refresh(refreshToken, 'cause_1');
    expect(again.refreshToken).toBe(first.refreshToken);
    await expect(refresh(first.refreshToken)).resolves.toBeDefined();
  });

  test('can be sent again under its key until its successor is used', async () => {
    const { bed, login, refresh } = await withAnna();
    const { refreshToken } = await login();
    const [first, again] = [await refresh(refreshToken, 'key'), await refresh(refreshToken, 'key')];
    expect(again.refreshToken).toBe(first.refreshToken);
    // a different request under that key is refused
    await expect(refresh(first.refreshToken, 'key')).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field: 'Idempotency-Key' }] },
    });
    const { refreshToken: used } = await refresh(first.refreshToken);
    await expect(refresh(refreshToken, 'key')).rejects.toMatchObject(signedOut);
    await expect(refresh(used)).rejects.toMatchObject(signedOut);
    expect(signedInOn(bed)).toEqual([]);
  });

  test('does not reopen a session that ended, under any key', async () => {
    const { login, refresh, logout } = await withAnna();
    const { refreshToken } = await login();
    const { refreshToken: next } = await refresh(refreshToken, 'key');
    await logout(next);
    await expect(refresh(refreshToken, 'key')).rejects.toMatchObject(signedOut);
  });

  test('is exchanged once, wherever the process is killed', async () => {
    let refreshToken = '';
    const build = async () => {
      const { bed } = await withAnna();
      ({ refreshToken } = await bed.call('login', anna, { caller, id: 'login_1' }));
      return bed;
    };
    // keys are random, and so is what is derived from them
    const ignore = ['passwordHash', 'keys', 'tokenHash'];
    await expectCrashSafe(
      build,
      (bed) => bed.call('refresh', { refreshToken }, { caller, id: 'cause_1' }),
      { ignore },
    );
  });
});

describe('an eleventh sign-in', () => {
  test('tells that it ended the least recently used session, and the user is notified', async () => {
    const { bed, login, refresh } = await withAnna();
    const first = await login();
    for (let device = 2; device <= 10; device++) {
      expect((await login()).endedSessions).toBe(0);
    }
    expect(bed.published(AccountSecurityChanged)).toEqual([]);
    expect((await login()).endedSessions).toBe(1);
    expect(bed.published(AccountSecurityChanged)).toMatchObject([
      { userId: first.user?.userId, change: 'session_displaced' },
    ]);
    await expect(refresh(first.refreshToken)).rejects.toMatchObject(signedOut);
  });
});
