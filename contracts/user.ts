import { z } from 'zod';
import { Precondition } from '#kit/core/precondition';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { EntityId, Time } from '#contracts/fields';

/** Names of the changed fields of a profile, never their values. */
const Changed = z.array(z.enum(['name', 'phone'])).min(1);

export const UserCreated = defineEvent('UserCreated', {
  type: 'user.created',
  public: true,
  description: 'An account was created.',
  data: z.object({
    userId: EntityId,
    role: z.enum(['customer', 'seller', 'admin']),
    tenantId: EntityId,
    createdAt: Time,
  }),
  subject: ({ userId }) => userId,
});

export const UserUpdated = defineEvent('UserUpdated', {
  type: 'user.updated',
  public: true,
  description: 'A profile was changed. Contains the names of the changed fields, not their values.',
  data: z.object({ userId: EntityId, changed: Changed, updatedAt: Time }),
  subject: ({ userId }) => userId,
});

export const RegisterUser = defineCommand('RegisterUser', {
  type: 'user.register',
  description: 'Create the account of a registration that is stored under the same id.',
  data: z.object({ userId: EntityId }),
  subject: ({ userId }) => userId,
});

export const UpdateUser = defineCommand('UpdateUser', {
  type: 'user.update',
  description: 'Apply a change of a profile that is stored under its own id until then.',
  data: z.object({
    userId: EntityId,
    revisionId: EntityId,
    precondition: Precondition.optional(),
  }),
  subject: ({ userId }) => userId,
});

export const SendPasswordReset = defineCommand('SendPasswordReset', {
  type: 'user.password-reset.send',
  description: 'Send an e-mail to reset the password of an address that is stored under the id.',
  data: z.object({ requestId: EntityId }),
  subject: ({ requestId }) => requestId,
});

export const AccountMailRequested = defineEvent('AccountMailRequested', {
  type: 'user.mail.requested',
  description:
    'An e-mail with a one-time token is to be sent. Contains neither the token nor the address.',
  data: z.object({
    userId: EntityId,
    mailId: EntityId,
    kind: z.enum(['reset_password', 'verify_email']),
  }),
  subject: ({ userId }) => userId,
});

export const IndexUser = defineCommand('IndexUser', {
  type: 'user.index',
  description: 'Bring the lists in which admins find an account up to date.',
  data: z.object({ userId: EntityId }),
  subject: ({ userId }) => userId,
});

export const AccountAccessChanged = defineEvent('AccountAccessChanged', {
  type: 'user.access.changed',
  public: true,
  description: 'An admin changed what an account may do.',
  data: z.object({
    userId: EntityId,
    change: z.enum(['role_changed', 'blocked', 'unblocked', 'signed_out']),
    /** The role from now on. */
    role: z.enum(['customer', 'seller', 'admin']),
    at: Time,
  }),
  subject: ({ userId }) => userId,
});

export const AccountSecurityChanged = defineEvent('AccountSecurityChanged', {
  type: 'user.security.changed',
  public: true,
  description: 'Something happened to the access to an account that its user has to know.',
  data: z.object({
    userId: EntityId,
    change: z.enum([
      /** A sign-in beyond the limit of sessions ended the least recently used one. */
      'session_displaced',
      /** A refresh token was used twice: it was copied, and its session is ended. */
      'refresh_token_reused',
      'password_changed',
      'password_reset',
    ]),
    at: Time,
  }),
  subject: ({ userId }) => userId,
});
