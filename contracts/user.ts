import { z } from 'zod';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { EntityId, Time } from '#contracts/fields';

/** Names of fields of a profile; never what they hold. */
const Changed = z.array(z.enum(['name', 'phone'])).min(1);

export const UserCreated = defineEvent('UserCreated', {
  type: 'user.created',
  public: true,
  description: 'An account was made.',
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
  description: 'A profile was changed; which fields, not to what.',
  data: z.object({ userId: EntityId, changed: Changed, updatedAt: Time }),
  subject: ({ userId }) => userId,
});

export const RegisterUser = defineCommand('RegisterUser', {
  type: 'user.register',
  description: 'Make an account of a registration that is kept under the same id.',
  data: z.object({ userId: EntityId }),
  subject: ({ userId }) => userId,
});

export const UpdateUser = defineCommand('UpdateUser', {
  type: 'user.update',
  description: 'Make a change of a profile that is kept under its own id until it is made.',
  data: z.object({ userId: EntityId, revisionId: EntityId }),
  subject: ({ userId }) => userId,
});
