import { z } from 'zod';
import { isoTimeAt } from '#kit/core/clock';
import type { Decision } from '#kit/state/apply-change';
import { hashSecret } from './session-domain';
import { RESET_TOKEN_MS, VERIFICATION_TOKEN_MS } from './timeouts';

/** E-mails of one kind that a user is sent within `MAIL_WINDOW_MS`, so that nobody can flood a mailbox. */
const MAX_PER_HOUR = 3;
const MAIL_WINDOW_MS = 3_600_000;

const Time = z.iso.datetime();

const Kind = z.enum(['reset_password', 'verify_email']);
export type Kind = z.infer<typeof Kind>;

const LIFETIME: Readonly<Record<Kind, number>> = {
  reset_password: RESET_TOKEN_MS,
  verify_email: VERIFICATION_TOKEN_MS,
};

/** An e-mail with a one-time token. */
const AccountMail = z.object({
  mailId: z.string(),
  kind: Kind,
  /** Absent as soon as the token was used or replaced. */
  tokenHash: z.string().optional(),
  createdAt: Time,
  expiresAt: Time,
});
export type AccountMail = z.infer<typeof AccountMail>;

/** The e-mails of a user that are counted or whose token is valid. */
export const AccountMails = z.object({ mails: z.array(AccountMail) });
export type AccountMails = z.infer<typeof AccountMails>;

/** Adds an e-mail, unless there were too many lately. The outcome tells whether it was added. */
export function withMail(
  now: AccountMails,
  mailId: string,
  kind: Kind,
  secret: string,
  at: number,
): Decision<AccountMails, boolean> {
  const recent = now.mails.filter(
    ({ createdAt, expiresAt }) =>
      at < Math.max(Date.parse(createdAt) + MAIL_WINDOW_MS, Date.parse(expiresAt)),
  );
  const lately = recent.filter(
    (mail) => mail.kind === kind && at < Date.parse(mail.createdAt) + MAIL_WINDOW_MS,
  );
  if (lately.length >= MAX_PER_HOUR) return { document: now, outcome: false };
  const mail = {
    mailId,
    kind,
    tokenHash: hashSecret(secret),
    createdAt: isoTimeAt(at),
    expiresAt: isoTimeAt(at + LIFETIME[kind]),
  };
  return { document: { mails: [...recent, mail] }, outcome: true };
}

/** The e-mail of this kind whose token has this secret and was not used, replaced or expired. */
export function findMail(
  { mails }: AccountMails,
  { mailId, secret, kind }: { mailId: string; secret: string; kind: Kind },
  at: number,
): AccountMail | undefined {
  const tokenHash = hashSecret(secret);
  return mails.find(
    (mail) =>
      mail.mailId === mailId &&
      mail.kind === kind &&
      mail.tokenHash === tokenHash &&
      at < Date.parse(mail.expiresAt),
  );
}

/** Invalidates the tokens of every e-mail of the kind. The same object if none is valid. */
export function withoutTokens(now: AccountMails, kind: Kind): AccountMails {
  if (!now.mails.some((mail) => mail.kind === kind && mail.tokenHash !== undefined)) return now;
  return {
    mails: now.mails.map((mail) => {
      const { tokenHash, ...rest } = mail;
      return mail.kind === kind && tokenHash !== undefined ? rest : mail;
    }),
  };
}
