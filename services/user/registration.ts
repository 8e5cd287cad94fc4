import { z } from 'zod';
import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { unavailable } from '#kit/core/errors';
import { IDEMPOTENCY_SECONDS, idempotencyKeyReused } from '#kit/delivery/idempotency-store';
import { validate } from '#kit/core/validation';
import type { RegisterRequest } from '#proto/retail/user/v1/user_pb';
import { RegisterUser, UserCreated } from '#contracts/user';
import { requestMail } from './account-mails';
import { isFirstAdmin } from './configured-admin';
import type { Context } from './definition';
import { Email } from '#retail/contact';
import { type Registration, emailKey, emailTaken, newUser } from './domain';
import { hashPassword, verifyPassword } from './password';
import { Password, assertNotGuessable } from './password-policy';
import { PersonName } from './names';
import { requestIndex } from './user-index';

const RegistrationFields = z.object({ email: Email, password: Password, name: PersonName });

type NewAccount = Omit<Registration, 'passwordHash'> & { password: string };

export async function register(request: RegisterRequest, context: Context) {
  const fields = validate(RegistrationFields, request);
  assertNotGuessable('password', fields.password, fields);
  // otherwise a stranger could register this address before the first admin signs in
  if (isFirstAdmin(fields.email, context)) throw emailTaken();
  const userId = await createAccount({ ...fields, role: 'customer' }, context);
  return { userId, email: fields.email, role: 'customer' };
}

/**
 * Creates an account and returns its user id once it exists. Throws ALREADY_EXISTS if the address
 * belongs to another account, and UNAVAILABLE if the account is not complete in time.
 */
export async function createAccount(account: NewAccount, context: Context): Promise<string> {
  const {
    newId,
    emails,
    registrations,
    users,
    beginCommand,
    dispatchAndWait,
    callContext,
    config,
  } = context;
  const userId = newId('user');
  const owner = await emails.get(emailKey(account.email));
  if (owner !== undefined && owner.userId !== userId) throw emailTaken({ userId: owner.userId });
  const existing = await users.get(userId);
  if (existing !== undefined) await assertSame(account, existing);
  // a retry, and the account is complete
  if (owner !== undefined) return userId;

  const { password, ...known } = account;
  const passwordHash = await hashPassword(password, config.PASSWORD_COST);
  await beginCommand(RegisterUser, { userId }, 'registrations', userId);
  const stored = await registrations.update(userId, (now) => now ?? { ...known, passwordHash });
  if (stored.passwordHash !== passwordHash) await assertSame(account, stored);
  const user = await dispatchAndWait(
    RegisterUser,
    { userId },
    () => users.get(userId),
    // the update above clears the expiry when the request is retried
    () => registrations.expireIfAbandoned(userId, IDEMPOTENCY_SECONDS, () => true),
  );
  if (user === undefined && !callContext.respondAsync) {
    throw unavailable('The registration is not complete yet. Try again.');
  }
  return userId;
}

/** Refuses a different request with the same Idempotency-Key. */
async function assertSame({ email, name, password }: NewAccount, before: Registration) {
  const same = before.email === email && before.name === name;
  if (!same || !(await verifyPassword(password, before.passwordHash))) throw idempotencyKeyReused();
}

/**
 * Handles RegisterUser. The user is written before the address, so that an address always leads to an
 * account. A user whom no address leads to cannot sign in.
 */
export async function completeRegistration(
  { userId }: EventData<typeof RegisterUser>,
  context: Context,
): Promise<void> {
  const { registrations, emails, users, publish, clock, caller } = context;
  const registration = await registrations.get(userId);
  if (registration === undefined) {
    // an earlier delivery has completed or refused the registration
    if ((await users.get(userId)) === undefined) throw emailTaken();
    return;
  }
  await registrations.clearExpiry(userId);
  const { role, createdAt, emailVerifiedAt } = await users.update(
    userId,
    (now) => now ?? newUser(userId, registration, isoTime(clock)),
  );
  const owner = await emails.update(emailKey(registration.email), (known) => known ?? { userId });
  if (owner.userId !== userId) {
    await users.delete(userId);
    await registrations.delete(userId);
    throw emailTaken();
  }
  await publish(UserCreated, { userId, role, tenantId: caller.tenantId, createdAt });
  await requestIndex(userId, context);
  if (emailVerifiedAt === undefined) await requestMail(userId, 'verify_email', context);
  await registrations.delete(userId);
}
