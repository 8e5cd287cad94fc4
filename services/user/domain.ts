import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Decision } from '#kit/state/apply-change';
import { Text } from '#kit/core/validation';
import { Code, MicroserviceError } from '#kit/core/errors';

/** Normalised, because people write the same address in different ways. */
export const Email = z.string().max(254).trim().toLowerCase().pipe(z.email());

export const Password = z.string().min(8).max(128);

const Time = z.iso.datetime();

/** The initial data of an account. */
export const Registration = z.object({
  email: z.string(),
  name: z.string(),
  role: z.enum(['customer', 'seller', 'admin']),
  passwordHash: z.string(),
});
export type Registration = z.infer<typeof Registration>;

export const User = Registration.extend({
  userId: z.string(),
  phone: z.string().optional(),
  createdAt: Time,
  updatedAt: Time,
});
export type User = z.infer<typeof User>;

/** The account that an e-mail address belongs to. The first write wins, so that addresses are unique. */
export const EmailOwner = z.object({ userId: z.string() });
export type EmailOwner = z.infer<typeof EmailOwner>;

/** Requested changes of a profile. An empty phone removes the number. */
export const ProfileUpdate = z.object({
  name: z.string().optional(),
  phone: z.string().optional(),
});
export type ProfileUpdate = z.infer<typeof ProfileUpdate>;

/** The fields that a client chooses for an API key. */
export const ApiKeyFields = z.object({
  name: Text(1, 100),
  /** An integration may do what this role may, limited to its scopes. */
  role: z.enum(['seller', 'admin']),
  scopes: z
    .array(z.string().regex(/^[a-z-]{1,32}:(read|write)$/, 'must be a scope such as orders:read'))
    .min(1)
    .max(32),
});

/** The API key of an external integration. */
export const ApiKey = ApiKeyFields.extend({
  keyId: z.string(),
  secretHash: z.string(),
  createdAt: Time,
});
export type ApiKey = z.infer<typeof ApiKey>;

/**
 * The key under which an e-mail address is stored. It is a hash, because keys are visible where
 * documents are not, such as in the statistics of a database.
 */
export function emailKey(email: string): string {
  return createHash('sha256').update(email).digest('base64url');
}

export function newUser(userId: string, registration: Registration, at: string): User {
  return { ...registration, userId, createdAt: at, updatedAt: at };
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

export function emailTaken(): MicroserviceError {
  return new MicroserviceError(
    'An account with this email already exists. Sign in or use another email.',
    Code.ALREADY_EXISTS,
    { reason: 'email_taken' },
  );
}

/**
 * The same error for an unknown address and for a wrong password, so that a caller cannot find out
 * which addresses have an account.
 */
export function wrongCredentials(): MicroserviceError {
  return new MicroserviceError('The email or password is incorrect.', Code.UNAUTHENTICATED, {
    reason: 'wrong_credentials',
  });
}
