import { z } from 'zod';
import { DEFAULT_TENANT } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { unavailable } from '#kit/core/errors';
import { IDEMPOTENCY_SECONDS, idempotencyKeyReused } from '#kit/delivery/idempotency-store';
import { Text, validate } from '#kit/core/validation';
import type { RegisterRequest } from '#proto/retail/user/v1/user_pb';
import { RegisterUser, UserCreated } from '#contracts/user';
import { Email, Password, type Registration, emailKey, emailTaken, opened } from './domain';
import { hashPassword, isPassword } from './password';
import type { Context } from './definition';

const Wanted = z.object({ email: Email, password: Password, name: Text(1, 100) });

type NewAccount = Omit<Registration, 'passwordHash'> & { password: string };

export async function register(request: RegisterRequest, context: Context) {
  const wanted = validate(Wanted, request);
  // or somebody could take the first admin's place before they have logged in
  if (isFirstAdmin(wanted.email, context)) throw emailTaken();
  const userId = await openAccount({ ...wanted, role: 'customer' }, context);
  return { userId, email: wanted.email, role: 'customer' };
}

/** Opens an account, and answers its id when it is there. Throws ALREADY_EXISTS. */
export async function openAccount(account: NewAccount, context: Context): Promise<string> {
  const { newId, emails, registrations, users, dispatchAndWait, callContext, config } = context;
  const userId = newId('user');
  const claim = await emails.get(emailKey(account.email));
  if (claim !== undefined && claim.userId !== userId) throw emailTaken();
  const before = await users.get(userId);
  if (before !== undefined) await assertSame(account, before);
  // asked again, and the account is there
  if (claim !== undefined) return userId;

  const { password, ...known } = account;
  const passwordHash = await hashPassword(password, config.PASSWORD_COST);
  const kept = await registrations.update(userId, (now) => now ?? { ...known, passwordHash });
  if (kept.passwordHash !== passwordHash) await assertSame(account, kept);
  const user = await dispatchAndWait(
    RegisterUser,
    { userId },
    () => users.get(userId),
    // asked for again it stays: see update
    () => registrations.expireIfAbandoned(userId, IDEMPOTENCY_SECONDS, () => true),
  );
  if (user === undefined && !callContext.respondAsync) {
    throw unavailable('the registration is taken, but not finished: ask again');
  }
  return userId;
}

/** Refuses another request under the Idempotency-Key of this one. */
async function assertSame({ email, name, password }: NewAccount, before: Registration) {
  const same = before.email === email && before.name === name;
  if (!same || !(await isPassword(password, before.passwordHash))) throw idempotencyKeyReused();
}

/**
 * Makes the user and then claims the address, so that an address never leads nowhere; a user whom
 * no address leads to is nobody.
 */
export async function finishRegistration(
  { userId }: EventData<typeof RegisterUser>,
  { registrations, emails, users, publish, clock, caller }: Context,
): Promise<void> {
  const registration = await registrations.get(userId);
  if (registration === undefined) {
    // an earlier delivery came to its end
    if ((await users.get(userId)) === undefined) throw emailTaken();
    return;
  }
  await registrations.clearExpiry(userId);
  const { role, createdAt } = await users.update(
    userId,
    (now) => now ?? opened(userId, registration, isoTime(clock)),
  );
  const claim = await emails.update(emailKey(registration.email), (taken) => taken ?? { userId });
  if (claim.userId !== userId) {
    await users.delete(userId);
    await registrations.delete(userId);
    throw emailTaken();
  }
  await publish(UserCreated, { userId, role, tenantId: caller.tenantId, createdAt });
  await registrations.delete(userId);
}

/** Whether this is the address of the admin whom the environment names. */
export function isFirstAdmin(email: string, { config, caller }: Context): boolean {
  return caller.tenantId === DEFAULT_TENANT && email === config.ADMIN_EMAIL;
}
