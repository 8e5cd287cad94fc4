import { z } from 'zod';
import { integerVariable } from '#kit/core/config';
import { KeyFile } from '#kit/security/key-file';
import { type ContextOf, Service } from '#kit/service/service';
import { UserService } from '#proto/retail/user/v1/user_pb';
import {
  AccountAccessChanged,
  AccountMailRequested,
  AccountSecurityChanged,
  IndexUser,
  RegisterUser,
  SendPasswordReset,
  UpdateUser,
  UserCreated,
  UserUpdated,
} from '#contracts/user';
import { AccountMails } from './account-mail-domain';
import { ActiveAdmins } from './active-admins';
import { ApiKey } from './api-key-domain';
import { Email, PhoneRegion } from '#retail/contact';
import { EmailOwner, ProfileUpdate, Registration, ResetRequest, User } from './domain';
import { Password } from './password-policy';
import { RevokedSessions, Sessions } from './session-domain';
import { SignInThrottle } from './sign-in-throttle';
import { SigningKeySet } from './signing-keys';
import { UserIndex } from './search-terms';

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
    resetRequests: ResetRequest,
    keyRings: SigningKeySet,
    /** By user. */
    sessions: Sessions,
    /** By time slice. */
    endedSessions: RevokedSessions,
    apiKeys: ApiKey,
    /** By user. */
    accountMails: AccountMails,
    /** By user. */
    userIndexes: UserIndex,
    activeAdmins: ActiveAdmins,
  },
  processMemory: { throttle: (clock) => new SignInThrottle(clock) },
  /** `users`: see search-terms.ts. */
  lists: ['apiKeys', 'users'],
  publishes: [
    RegisterUser,
    UpdateUser,
    IndexUser,
    SendPasswordReset,
    UserCreated,
    UserUpdated,
    AccountMailRequested,
    AccountSecurityChanged,
    AccountAccessChanged,
  ],
  config: z.object({
    /**
     * Path of the master key. It encrypts the private parts of the signing keys, and the secrets of
     * refresh tokens, API keys and e-mails are derived from it. With another key, new signing keys are
     * made, and the tokens in e-mails that were sent are invalid.
     */
    USER_KEY_FILE: KeyFile,
    /**
     * If both are set, the first sign-in with them creates an admin. A changed password takes effect at
     * the next sign-in with the address.
     */
    ADMIN_EMAIL: Email.optional(),
    ADMIN_PASSWORD: Password.optional(),
    /** The country of phone numbers that are written without a country code. */
    PHONE_REGION: PhoneRegion.default('DE'),
    /**
     * Cost of a password hash as a power of two. A password with a cheaper hash is hashed again at the
     * next sign-in.
     */
    PASSWORD_COST: integerVariable(15, 20).default(15),
  }),
});

export type Context = ContextOf<typeof user>;
