import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Decision } from '#kit/state/apply-change';
import { type AuditFacts, Code, MicroserviceError } from '#kit/core/errors';

const Time = z.iso.datetime();

export const Role = z.enum(['customer', 'seller', 'admin']);

/** The initial data of an account. */
export const Registration = z.object({
  email: z.string(),
  name: z.string(),
  role: Role,
  passwordHash: z.string(),
  /** For the admin of the environment: a fingerprint of ADMIN_PASSWORD, to notice that it was changed. */
  adminPassword: z.string().optional(),
});
export type Registration = z.infer<typeof Registration>;

export const User = Registration.extend({
  userId: z.string(),
  phone: z.string().optional(),
  /** Changes with the password. Absent: the password was never changed. */
  passwordId: z.string().optional(),
  /** When the user proved to receive e-mails at the address. */
  emailVerifiedAt: Time.optional(),
  blockedAt: Time.optional(),
  /** Absent in an account from before admins could list accounts: its next sign-in adds it. */
  isListed: z.boolean().optional(),
  createdAt: Time,
  updatedAt: Time,
});
export type User = z.infer<typeof User>;

/** The account that an e-mail address belongs to. The first write wins, so that addresses are unique. */
export const EmailOwner = z.object({ userId: z.string() });
export type EmailOwner = z.infer<typeof EmailOwner>;

/** An address whose owner is to be sent an e-mail, if it has one. */
export const ResetRequest = z.object({ email: z.string() });

/** Requested changes of a profile. An empty phone removes the number. */
export const ProfileUpdate = z.object({
  name: z.string().optional(),
  phone: z.string().optional(),
});
export type ProfileUpdate = z.infer<typeof ProfileUpdate>;

/**
 * The key under which an e-mail address is stored. It is a hash, because keys are visible where
 * documents are not, such as in the statistics of a database.
 */
export function emailKey(email: string): string {
  return createHash('sha256').update(email).digest('base64url');
}

export function newUser(userId: string, registration: Registration, at: string): User {
  const user = { ...registration, userId, isListed: true, createdAt: at, updatedAt: at };
  // the address of the admin comes from the environment
  return user.role === 'admin' ? { ...user, emailVerifiedAt: at } : user;
}

interface ProfileChange {
  changed: ('name' | 'phone')[];
  updatedAt: string;
}

/** Returns the updated user and the names of the changed fields; the same user if nothing changes. */
export function applyProfileUpdate(
  user: User,
  { name, phone }: ProfileUpdate,
  at: string,
): Decision<User, ProfileChange> {
  const changed: ProfileChange['changed'] = [];
  if (name !== undefined && name !== user.name) changed.push('name');
  if (phone !== undefined && phone !== (user.phone ?? '')) changed.push('phone');
  if (changed.length === 0) return { document: user, outcome: { changed, updatedAt: at } };
  const { phone: known = '', ...rest } = user;
  const number = phone ?? known;
  const document = {
    ...rest,
    name: name ?? user.name,
    ...(number === '' ? {} : { phone: number }),
    updatedAt: at,
  };
  return { document, outcome: { changed, updatedAt: at } };
}

export function emailTaken(audit?: AuditFacts): MicroserviceError {
  return new MicroserviceError(
    'An account with this email already exists. Sign in or use another email.',
    Code.ALREADY_EXISTS,
    { reason: 'email_taken', ...(audit && { audit }) },
  );
}

/**
 * The same error for an unknown address and for a wrong password, so that a caller cannot find out
 * which addresses have an account.
 */
export function wrongCredentials(audit?: AuditFacts): MicroserviceError {
  return new MicroserviceError('The email or password is incorrect.', Code.UNAUTHENTICATED, {
    reason: 'wrong_credentials',
    ...(audit && { audit }),
  });
}
