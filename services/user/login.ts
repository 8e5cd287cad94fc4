import { z } from 'zod';
import { isoTime } from '#kit/core/clock';
import { type AuditFacts, Code, MicroserviceError, notFound } from '#kit/core/errors';
import { validate } from '#kit/core/validation';
import type { LoginRequest } from '#proto/retail/user/v1/user_pb';
import { AccountSecurityChanged } from '#contracts/user';
import { accountFacts } from './accounts';
import { addActiveAdmin } from './admins';
import { fingerprintOf, isFirstAdmin, withConfiguredPassword } from './configured-admin';
import type { Context } from './definition';
import { Email } from '#retail/contact';
import { type EmailOwner, type User, emailKey, wrongCredentials } from './domain';
import { dummyHash, hashPassword, needsRehash, verifyPassword } from './password';
import { GivenPassword } from './password-policy';
import { createAccount } from './registration';
import { startSession } from './sessions';
import { requestIndex } from './user-index';

const Credentials = z.object({ email: Email, password: GivenPassword });

export async function login(request: LoginRequest, context: Context) {
  const { email, password } = validate(Credentials, request);
  const { config, throttle, clock, caller, callContext, publish, newId } = context;
  const attempt = {
    account: `${caller.tenantId} ${emailKey(email)}`,
    address: callContext.forwardedFor,
  };
  const delay = throttle.begin(attempt);
  if (delay > 0) await clock.sleep(delay);
  const sessionId = newId('session');
  const user = await userWithEmail(email, context, sessionId);
  const hash = user?.passwordHash ?? dummyHash(config.PASSWORD_COST);
  const isCorrect = await verifyPassword(password, hash);
  const facts = accountFacts(user, email, context);
  if (user === undefined || !isCorrect) throw wrongCredentials(facts);
  throttle.succeeded(attempt);
  if (user.blockedAt !== undefined) throw blocked(facts);
  if (needsRehash(user.passwordHash, config.PASSWORD_COST)) await rehash(user, password, context);

  const response = await startSession(user, context, sessionId);
  await addActiveAdmin(user, context);
  if (user.isListed !== true) await list(user.userId, context);
  if (response.endedSessions > 0) {
    const { userId } = user;
    const change = { userId, change: 'session_displaced', at: isoTime(clock) } as const;
    await publish(AccountSecurityChanged, change);
  }
  return response;
}

async function userWithEmail(
  email: string,
  context: Context,
  sessionId: string,
): Promise<User | undefined> {
  const { emails, users } = context;
  const owner = (await emails.get(emailKey(email))) ?? (await firstAdmin(email, context));
  // a user is read in any case, so that an unknown address takes as long as a known one
  const user = await users.get(owner?.userId ?? 'nobody');
  return user && withConfiguredPassword(user, context, sessionId);
}

/** The admin that the environment configures. The first sign-in creates the account. */
async function firstAdmin(email: string, context: Context): Promise<EmailOwner | undefined> {
  const { ADMIN_PASSWORD: password } = context.config;
  if (password === undefined || !isFirstAdmin(email, context)) return undefined;
  try {
    const adminPassword = fingerprintOf(password, context);
    const account = { email, password, name: 'Admin', role: 'admin', adminPassword } as const;
    return { userId: await createAccount(account, context) };
  } catch (error) {
    // a concurrent sign-in created the account
    const exists = error instanceof MicroserviceError && error.code === Code.ALREADY_EXISTS;
    if (exists) return context.emails.get(emailKey(email));
    throw error;
  }
}

/** Makes an account known to admins that is from before they could list accounts. */
async function list(userId: string, context: Context): Promise<void> {
  await requestIndex(userId, context);
  await context.users.update(userId, (now) => {
    if (now === undefined) throw notFound('user');
    return { ...now, isListed: true };
  });
}

async function rehash(user: User, password: string, { users, config }: Context): Promise<void> {
  const passwordHash = await hashPassword(password, config.PASSWORD_COST);
  await users.update(user.userId, (now) => {
    if (now === undefined) throw wrongCredentials({ userId: user.userId });
    // a password that was changed meanwhile stays
    return now.passwordHash === user.passwordHash ? { ...now, passwordHash } : now;
  });
}

/** Only a caller who knows the password learns that the account is blocked. */
function blocked(audit: AuditFacts): MicroserviceError {
  return new MicroserviceError(
    'Your account is blocked. Please contact us.',
    Code.PERMISSION_DENIED,
    { reason: 'account_blocked', audit },
  );
}
