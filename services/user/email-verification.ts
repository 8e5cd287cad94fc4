import { z } from 'zod';
import { isoTime } from '#kit/core/clock';
import { notFound } from '#kit/core/errors';
import { validate } from '#kit/core/validation';
import type { VerifyEmailRequest } from '#proto/retail/user/v1/user_pb';
import { MailToken, readToken, requestMail } from './account-mails';
import { callerAccount } from './accounts';
import type { Context } from './definition';

/** Sends an e-mail with a token to the caller's own address, unless it is verified. */
export async function requestEmailVerification(_request: unknown, context: Context) {
  const { userId, emailVerifiedAt } = await callerAccount(context);
  if (emailVerifiedAt === undefined) await requestMail(userId, 'verify_email', context);
  return {};
}

const Verification = z.object({ token: MailToken });

/** Marks an address as verified. After a crash in between, the user requests another e-mail. */
export async function verifyEmail(request: VerifyEmailRequest, context: Context) {
  const { token } = validate(Verification, request);
  const { user, use } = await readToken(token, 'verify_email', context);
  await use();
  const at = isoTime(context.clock);
  await context.users.update(user.userId, (now) => {
    if (now === undefined) throw notFound('user');
    return { ...now, emailVerifiedAt: now.emailVerifiedAt ?? at };
  });
  return { userId: user.userId };
}
