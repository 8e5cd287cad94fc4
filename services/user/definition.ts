import { z } from 'zod';
import { integerVariable } from '#kit/core/config';
import { type ContextOf, Service } from '#kit/service/service';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { RegisterUser, UpdateUser, UserCreated, UserUpdated } from '#contracts/user';
import { ApiKey, Email, EmailOwner, Password, ProfileUpdate, Registration, User } from './domain';
import { RevokedSessions, Sessions } from './session-domain';
import { SigningKeySet } from './signing-keys';

/** Accounts, sign-in, sessions, signing keys and API keys. */
export const user = new Service('user', {
  serves: UserService,
  // their requests or responses contain a password, token or key, which must not be stored
  idempotency: {
    register: 'handled-by-service',
    createApiKey: 'handled-by-service',
    refresh: 'handled-by-service',
  },
  // The names are part of the stored keys: renaming one is a migration.
  stores: {
    users: User,
    /** By the hash of an e-mail address. */
    emails: EmailOwner,
    // Personal data of a command: it waits here, because the command on the bus has only its key.
    registrations: Registration,
    revisions: ProfileUpdate,
    keyRings: SigningKeySet,
    /** By user. */
    sessions: Sessions,
    /** By time slice. */
    endedSessions: RevokedSessions,
    apiKeys: ApiKey,
  },
  lists: ['apiKeys'],
  publishes: [RegisterUser, UpdateUser, UserCreated, UserUpdated],
  config: z.object({
    /** If both are set, the first sign-in with them creates an admin. */
    ADMIN_EMAIL: Email.optional(),
    ADMIN_PASSWORD: Password.optional(),
    /**
     * Cost of a password hash as a power of two. A password with a cheaper hash is hashed again at the
     * next sign-in.
     */
    PASSWORD_COST: integerVariable(15, 20).default(15),
  }),
});

export type Context = ContextOf<typeof user>;
