import { z } from 'zod';
import { integerVariable } from '#kit/core/config';
import { type ContextOf, Service } from '#kit/service/service';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { RegisterUser, UpdateUser, UserCreated, UserUpdated } from '#contracts/user';
import { ApiKey } from './api-keys';
import { Claim, Email, Password, Registration, Revision, User } from './domain';
import { KeyRing } from './key-ring';
import { EndedSessions } from './ended-sessions';
import { Sessions } from './sessions';

export const user = new Service('user', {
  serves: UserService,
  // nothing of them is kept: what was asked holds a password, what is answered a key
  idempotency: {
    register: 'handled-by-service',
    createApiKey: 'handled-by-service',
    refresh: 'handled-by-service',
  },
  stores: {
    users: User,
    /** By the hash of an email: whose it is. */
    emails: Claim,
    // what somebody wrote is personal: it waits here, while a command with its key is on the bus
    registrations: Registration,
    revisions: Revision,
    keyRings: KeyRing,
    /** By the user: where they are signed in. */
    sessions: Sessions,
    endedSessions: EndedSessions,
    apiKeys: ApiKey,
  },
  lists: ['apiKeys'],
  publishes: [RegisterUser, UpdateUser, UserCreated, UserUpdated],
  config: z.object({
    /** With both, an admin who is there from the first login on. */
    ADMIN_EMAIL: Email.optional(),
    ADMIN_PASSWORD: Password.optional(),
    /** What a guess costs, as a power of two; a password is hashed anew when it was cheaper. */
    PASSWORD_COST: integerVariable(15, 20).default(15),
  }),
});

export type Context = ContextOf<typeof user>;
