import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Decision } from '#kit/state/document-store';
import { Code, MicroserviceError } from '#kit/core/errors';

/** One person writes one address in many ways; it is kept in one. */
export const Email = z.string().max(254).trim().toLowerCase().pipe(z.email());

export const Password = z.string().min(8).max(128);

const Time = z.iso.datetime();

/** What an account begins with. */
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

/** Makes an email unique: the first to write it has the address. */
export const Claim = z.object({ userId: z.string() });
export type Claim = z.infer<typeof Claim>;

/** What somebody wants of their profile changed; an empty phone takes it away. */
export const Revision = z.object({ name: z.string().optional(), phone: z.string().optional() });
export type Revision = z.infer<typeof Revision>;

/** Keys show up where documents do not, such as in a store's statistics: so no address is one. */
export function emailKey(email: string): string {
  return createHash('sha256').update(email).digest('base64url');
}

export function opened(userId: string, registration: Registration, at: string): User {
  return { ...registration, userId, createdAt: at, updatedAt: at };
}

interface Revised {
  changed: ('name' | 'phone')[];
  updatedAt: string;
}

/** The user as revised, and which fields are new; the same user where none is. */
export function revised(
  user: User,
  { name, phone }: Revision,
  at: string,
): Decision<User, Revised> {
  const changed: Revised['changed'] = [];
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
  return new MicroserviceError('an account with this email exists', Code.ALREADY_EXISTS, {
    reason: 'email_taken',
  });
}

/** The same for an unknown address and for a wrong password: which it is, is nobody's business. */
export function wrongCredentials(): MicroserviceError {
  return new MicroserviceError('email or password is wrong', Code.UNAUTHENTICATED, {
    reason: 'wrong_credentials',
  });
}
