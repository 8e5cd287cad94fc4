import { z } from 'zod';
import { Code, MicroserviceError } from '#kit/core/errors';
import { validate } from '#kit/core/validation';
import type { LoginRequest } from '#proto/retail/user/v1/user_pb';
import type { Context } from './definition';
import { Email, type EmailOwner, type User, emailKey, wrongCredentials } from './domain';
import { dummyHash, hashPassword, needsRehash, verifyPassword } from './password';
import { createAccount, isFirstAdmin } from './registration';
import { startSession } from './sessions';

const Credentials = z.object({ email: Email, password: z.string().min(1).max(128) });

export async function login(request: LoginRequest, context: Context) {
  const { email, password } = validate(Credentials, request);
  const { config } = context;
  const user = await userWithEmail(email, context);
  const hash = user?.passwordHash ?? dummyHash(config.PASSWORD_COST);
  const isCorrect = await verifyPassword(password, hash);
  if (user === undefined || !isCorrect) throw wrongCredentials();
  if (needsRehash(user.passwordHash, config.PASSWORD_COST)) await rehash(user, password, context);

  return startSession(user, context);
}

async function userWithEmail(email: string, context: Context): Promise<User | undefined> {
  const { emails, users } = context;
  const owner = (await emails.get(emailKey(email))) ?? (await firstAdmin(email, context));
  // a user is read in any case, so that an unknown address takes as long as a known one
  return users.get(owner?.userId ?? 'nobody');
}

/** The admin that the environment configures. The first sign-in creates the account. */
async function firstAdmin(email: string, context: Context): Promise<EmailOwner | undefined> {
  const { ADMIN_PASSWORD: password } = context.config;
  if (password === undefined || !isFirstAdmin(email, context)) return undefined;
  try {
    const account = { email, password, name: 'Admin', role: 'admin' } as const;
    return { userId: await createAccount(account, context) };
  } catch (error) {
    // a concurrent sign-in created the account
    const exists = error instanceof MicroserviceError && error.code === Code.ALREADY_EXISTS;
    if (exists) return context.emails.get(emailKey(email));
    throw error;
  }
}

async function rehash(user: User, password: string, { users, config }: Context): Promise<void> {
  const passwordHash = await hashPassword(password, config.PASSWORD_COST);
  await users.update(user.userId, (now) => {
    if (now === undefined) throw wrongCredentials();
    return { ...now, passwordHash };
  });
}
