import { expect, test } from '@jest/globals';
import { MicroserviceError } from '#kit/core/errors';
import { type Bed, anna, anonymous, build, config, mailedToken, withAnna } from './testing';

// What the audit log of the edge learns about a request with credentials. Clients never receive it.

async function factsOf(call: Promise<unknown>): Promise<unknown> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof MicroserviceError ? error.details.audit : 'not refused';
}
const login = (bed: Bed, email: string, password: string, tenantId = 'default') =>
  bed.call('login', { email, password }, { caller: { ...anonymous, tenantId } });

test('a refused sign-in names the account by its id', async () => {
  const { bed, userId } = await withAnna();
  expect(await factsOf(login(bed, anna.email, 'a guess'))).toEqual({ userId });
  await bed.context().users.update(userId, (now) => {
    return { ...now!, blockedAt: '2026-01-01T00:00:00.000Z' };
  });
  expect(await factsOf(login(bed, anna.email, anna.password))).toEqual({ userId });
});

test('a refused sign-in with an unknown address names it by a keyed hash', async () => {
  const { bed } = await withAnna();
  const facts = await factsOf(login(bed, 'bert@example.com', 'a guess'));
  expect(facts).toEqual({ unknownAccount: expect.stringMatching(/^[\w-]{43}$/) as unknown });
  // the same for each attempt, in any spelling; another one for another address, tenant or master key
  expect(await factsOf(login(bed, ' BERT@example.com', 'other'))).toEqual(facts);
  const others = [
    await factsOf(login(bed, 'carl@example.com', 'a guess')),
    await factsOf(login(bed, 'bert@example.com', 'a guess', 'other')),
    await factsOf(
      login(
        build({ config: { ...config, USER_KEY_FILE: 'o'.repeat(43) } }),
        'bert@example.com',
        'a guess',
      ),
    ),
  ];
  expect(new Set([facts, ...others].map((each) => JSON.stringify(each))).size).toBe(4);
  expect(JSON.stringify([facts, others])).not.toMatch(/bert|carl|example/);
});

test('a refused refresh names the session of a token that was issued, and nothing for another', async () => {
  const { bed, userId, login: signIn } = await withAnna();
  const { refreshToken } = await signIn();
  const [, sessionId = ''] = refreshToken.split('.');
  const refresh = (token: string) =>
    bed.call('refresh', { refreshToken: token }, { caller: anonymous });
  const madeUp = `${userId}.${sessionId}.${'x'.repeat(43)}`;
  expect(await factsOf(refresh(madeUp))).toBeUndefined();
  expect(await factsOf(refresh(`user_9.session_9.${'x'.repeat(43)}`))).toBeUndefined();
  await refresh(refreshToken);
  expect(await factsOf(refresh(refreshToken))).toEqual({ userId, sessionId, token: 'reused' });
});

test('a sign-out returns the session that it ended, and nothing for a made-up token', async () => {
  const { bed, userId, login: signIn } = await withAnna();
  const { refreshToken } = await signIn();
  const [, sessionId = ''] = refreshToken.split('.');
  const logout = (token: string) =>
    bed.call('logout', { refreshToken: token }, { caller: anonymous });
  const nothing = { userId: '', sessionId: '' };
  expect(await logout(`${userId}.${sessionId}.${'x'.repeat(43)}`)).toMatchObject(nothing);
  expect(await logout(refreshToken)).toMatchObject({ userId, sessionId });
});

test('a token of an e-mail names its user, whether it is accepted or refused', async () => {
  const { bed, userId } = await withAnna();
  const token = await mailedToken(bed);
  const verify = (sent: string) => bed.call('verifyEmail', { token: sent }, { caller: anonymous });
  expect(await factsOf(verify(`${userId}.mail_1.${'x'.repeat(43)}`))).toEqual({ userId });
  expect(await factsOf(verify(`user_9.mail_1.${'x'.repeat(43)}`))).toBeUndefined();
  expect(await verify(token)).toMatchObject({ userId });
  expect(await factsOf(verify(token))).toEqual({ userId });
});

test('a registration with an address that is taken names its account', async () => {
  const { bed, userId } = await withAnna();
  expect(await factsOf(bed.call('register', anna, { caller: anonymous }))).toEqual({ userId });
});
