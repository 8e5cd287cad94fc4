import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { type AuditFacts, Code, MicroserviceError, notFound } from '#kit/core/errors';
import { toTimestamp } from '#kit/core/timestamps';
import { Id, validate } from '#kit/core/validation';
import type { GetAccountMailRequest } from '#proto/retail/user/v1/user_pb';
import { AccountMailRequested } from '#contracts/user';
import {
  type AccountMails,
  type Kind,
  findMail,
  withMail,
  withoutTokens,
} from './account-mail-domain';
import type { Context } from './definition';
import type { User } from './domain';
import { secretOf } from './secrets';

/** `<userId>.<mailId>.<secret>` */
export const MailToken = z
  .string()
  .trim()
  .regex(/^[\w-]{1,64}\.[\w-]{1,64}\.[\w-]{43}$/, 'must be the token from an e-mail');

/**
 * Announces an e-mail with a one-time token, unless the user was sent too many lately. The event does not
 * contain the token: the service that sends the e-mail gets it from `getAccountMail`.
 */
export async function requestMail(userId: string, kind: Kind, context: Context): Promise<void> {
  const { accountMails, clock, newId, publish } = context;
  const mailId = newId('mail');
  const secret = mailSecret(userId, mailId, context);
  const { outcome: added } = await accountMails.decide(userId, (now = { mails: [] }) =>
    withMail(now, mailId, kind, secret, clock.now()),
  );
  if (added) await publish(AccountMailRequested, { userId, mailId, kind }, mailId);
}

const MailRequest = z.object({ userId: Id, mailId: Id });

/** Returns the address and the token of an e-mail. For the service that sends it. */
export async function getAccountMail(request: GetAccountMailRequest, context: Context) {
  const { caller, users, accountMails, clock } = context;
  requireRole(caller, 'service');
  const { userId, mailId } = validate(MailRequest, request);
  const user = await users.get(userId);
  const mails = (await accountMails.get(userId)) ?? { mails: [] };
  const secret = mailSecret(userId, mailId, context);
  const kind = mails.mails.find((mail) => mail.mailId === mailId)?.kind ?? 'verify_email';
  const mail = findMail(mails, { mailId, secret, kind }, clock.now());
  if (user === undefined || user.blockedAt !== undefined || mail === undefined) {
    throw notFound('mail');
  }
  const { email } = user;
  const token = `${userId}.${mailId}.${secret}`;
  return { email, kind, token, expiresAt: toTimestamp(mail.expiresAt) };
}

/** A one-time token that a client sent. */
export interface ShownToken {
  readonly user: User;
  /** Whether it is valid now. It is not, either, when the same call is repeated after a crash. */
  readonly isValid: boolean;
  /** Uses it, and voids every other one of the kind. One of several concurrent calls succeeds. */
  readonly use: () => Promise<void>;
}

/** Throws FAILED_PRECONDITION, as `use` does, if nobody can have such a token. */
export async function readToken(token: string, kind: Kind, context: Context): Promise<ShownToken> {
  const { accountMails, users, clock } = context;
  const [userId = '', mailId = '', secret = ''] = token.split('.');
  const isIn = (mails: AccountMails) =>
    findMail(mails, { mailId, secret, kind }, clock.now()) !== undefined;
  // no change without a document: it would create one for every invented user id
  const mails = await accountMails.get(userId);
  const user = await users.get(userId);
  if (mails === undefined || user === undefined || user.blockedAt !== undefined) {
    throw tokenNotValid(user && { userId });
  }
  return {
    user,
    isValid: isIn(mails),
    use: async () => {
      await accountMails.update(userId, (now) => {
        if (now === undefined || !isIn(now)) throw tokenNotValid({ userId });
        return withoutTokens(now, kind);
      });
    },
  };
}

/** Derived, so that it is not stored and can be put into the e-mail later. */
function mailSecret(userId: string, mailId: string, context: Context): string {
  return secretOf(`mail ${userId} ${mailId}`, context);
}

/** One error for every reason, so that it reveals nothing about the account. */
function tokenNotValid(audit?: AuditFacts): MicroserviceError {
  return new MicroserviceError(
    'The token is not valid or has expired. Request another e-mail.',
    Code.FAILED_PRECONDITION,
    { reason: 'token_not_valid', ...(audit && { audit }) },
  );
}
