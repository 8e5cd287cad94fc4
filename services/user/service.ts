import { z } from 'zod';
import { whole } from '#kit/config';
import { type ContextOf, Service } from '#kit/service';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { RegisterUser, UpdateUser, UserCreated, UserUpdated } from '#contracts/user';
import { ApiKey, authenticateApiKey, createApiKey, listApiKeys, revokeApiKey } from './api-keys';
import { Claim, Email, Password, Registration, Revision, User } from './domain';
import { KeyRing } from './key-ring';
import { getKeys } from './keys';
import { login } from './login';
import { getContact, getProfile, reviseUser, updateProfile } from './profile';
import { finishRegistration, register } from './registration';
import { EndedSessions, getEndedSessions } from './ended-sessions';
import { Sessions, logout, refresh } from './sessions';

export const user = new Service('user', {
  serves: UserService,
  // nothing of them is kept: what was asked holds a password, what is answered a key
  keyed: { register: 'by-itself', createApiKey: 'by-itself', refresh: 'by-itself' },
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
    PASSWORD_COST: whole(15, 20).default(15),
  }),
});
export type UserContext = ContextOf<typeof user>;

user.serve({
  ...{ register, login, refresh, logout, getEndedSessions, getKeys },
  ...{ getProfile, updateProfile, getContact },
  ...{ createApiKey, listApiKeys, revokeApiKey, authenticateApiKey },
});
user.on(RegisterUser, finishRegistration);
user.on(UpdateUser, reviseUser);
