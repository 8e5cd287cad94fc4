import { z } from 'zod';
import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { Code, MicroserviceError, notFound } from '#kit/core/errors';
import { validate } from '#kit/core/validation';
import type {
  ChangePasswordRequest,
  RequestPasswordResetRequest,
  ResetPasswordRequest,
} from '#proto/retail/user/v1/user_pb';
import { AccountSecurityChanged, SendPasswordReset } from '#contracts/user';
import { MailToken, readToken, requestMail } from './account-mails';
import { callerAccount } from './accounts';
import type { Context } from './definition';
import { Email } from '#retail/contact';
import { type User, emailKey } from './domain';
import { hashPassword, verifyPassword } from './password';
import { GivenPassword, Password, assertNotGuessable } from './password-policy';
import { endAllSessions, startSession } from './sessions';

/** An address that is not handled within this time is deleted. */
const REQUEST_SECONDS = 3_600;

const NewPassword = z.object({ currentPassword: GivenPassword, newPassword: Password });

/** Replaces the caller's password, ends all sessions, and returns the response to a login. */
export async function changePassword(request: ChangePasswordRequest, context: Context) {
  const { currentPassword, newPassword } = validate(NewPassword, request);
  const { throttle, clock, caller, callContext, newId } = context;
  const user = await callerAccount(context);
  assertNotGuessable('newPassword', newPassword, user);
  // an access token that was copied must not be a way to guess the password
  const attempt = {
    account: `${caller.tenantId} ${emailKey(user.email)}`,
    address: callContext.forwardedFor,
  };
  const delay = throttle.begin(attempt);
  if (delay > 0) await clock.sleep(delay);
  const isCorrect = await verifyPassword(currentPassword, user.passwordHash);
  const sessionId = newId('session');
  if (isCorrect) {
    throttle.succeeded(attempt);
    await endAllSessions(user.userId, context, sessionId);
  }
  const changed = await writePassword(user.userId, newPassword, context, (now) => {
    // a repeat after a crash does not get here: the first run has changed the password
    if (!isCorrect || now.passwordHash !== user.passwordHash) throw wrongPassword();
    return now;
  });
  await endAllSessions(user.userId, context, sessionId);
  const response = await startSession(changed, context, sessionId);
  await publishChange(user.userId, 'password_changed', context);
  return response;
}

const ResetRequest = z.object({ email: Email });

/**
 * Stores the address for `sendPasswordReset`, whether it has an account or not: neither the response nor
 * its time reveals that.
 */
export async function requestPasswordReset(
  request: RequestPasswordResetRequest,
  { resetRequests, newId, publish }: Context,
) {
  const { email } = validate(ResetRequest, request);
  const requestId = newId('reset');
  await resetRequests.update(requestId, (now) => now ?? { email });
  await resetRequests.expireIfAbandoned(requestId, REQUEST_SECONDS, () => true);
  await publish(SendPasswordReset, { requestId });
  return {};
}

/** Handles SendPasswordReset. */
export async function sendPasswordReset(
  { requestId }: EventData<typeof SendPasswordReset>,
  context: Context,
): Promise<void> {
  const { resetRequests, emails, users } = context;
  const request = await resetRequests.get(requestId);
  // an earlier delivery has handled it
  if (request === undefined) return;
  const owner = await emails.get(emailKey(request.email));
  const user = owner && (await users.get(owner.userId));
  if (user !== undefined && user.blockedAt === undefined) {
    await requestMail(user.userId, 'reset_password', context);
  }
  await resetRequests.delete(requestId);
}

const Reset = z.object({ token: MailToken, newPassword: Password });

/** Sets a new password by a token from an e-mail, and ends all sessions. */
export async function resetPassword(request: ResetPasswordRequest, context: Context) {
  const { token, newPassword } = validate(Reset, request);
  const { user, isValid, use } = await readToken(token, 'reset_password', context);
  if (isValid) assertNotGuessable('newPassword', newPassword, user);
  // first, so that one token changes one password; after a crash the user requests another e-mail
  await use();
  const at = isoTime(context.clock);
  await replacePassword(user.userId, newPassword, context, {
    // the token proves it, too
    change: (now) => ({ ...now, emailVerifiedAt: now.emailVerifiedAt ?? at }),
  });
  await publishChange(user.userId, 'password_reset', context);
  return { userId: user.userId };
}

interface Replacement {
  /** A change of the account that is written together with the password. */
  readonly change?: (user: User) => User;
  /** A session that does not end. */
  readonly except?: string;
}

/**
 * Writes a new password and ends all sessions. They end before, so that none is left if the process is
 * killed in between, and after it, because a sign-in with the old password may have been under way.
 */
export async function replacePassword(
  userId: string,
  password: string,
  context: Context,
  { change = (now) => now, except }: Replacement,
): Promise<User> {
  await endAllSessions(userId, context, except);
  const user = await writePassword(userId, password, context, change);
  await endAllSessions(userId, context, except);
  return user;
}

async function writePassword(
  userId: string,
  password: string,
  { users, config, newId, clock }: Context,
  change: (user: User) => User,
): Promise<User> {
  const passwordHash = await hashPassword(password, config.PASSWORD_COST);
  const passwordId = newId('password');
  return users.update(userId, (now) => {
    if (now === undefined) throw notFound('user');
    return { ...change(now), passwordHash, passwordId, updatedAt: isoTime(clock) };
  });
}

async function publishChange(
  userId: string,
  change: 'password_changed' | 'password_reset',
  { publish, clock }: Context,
): Promise<void> {
  await publish(AccountSecurityChanged, { userId, change, at: isoTime(clock) });
}

function wrongPassword(): MicroserviceError {
  return new MicroserviceError('The current password is incorrect.', Code.FAILED_PRECONDITION, {
    reason: 'wrong_password',
  });
}
