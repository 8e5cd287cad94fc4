import { z } from 'zod';
import { Code, MicroserviceError } from '#kit/core/errors';
import { validate } from '#kit/core/validation';
import type { LoginRequest } from '#proto/retail/user/v1/user_pb';
import { type Claim, Email, type User, emailKey, wrongCredentials } from './domain';
import { hashPassword, isCheaper, isPassword, noPassword } from './password';
import { isFirstAdmin, openAccount } from './registration';
import type { Context } from './definition';
import { signedIn } from './sessions';

const Credentials = z.object({ email: Email, password: z.string().min(1).max(128) });

export async function login(request: LoginRequest, context: Context) {
  const { email, password } = validate(Credentials, request);
  const { config } = context;
  const user = await userOf(email, context);
  const right = await isPassword(password, user?.passwordHash ?? noPassword(config.PASSWORD_COST));
  if (user === undefined || !right) throw wrongCredentials();
  if (isCheaper(user.passwordHash, config.PASSWORD_COST)) await rehash(user, password, context);

  return signedIn(user, context);
}

async function userOf(email: string, context: Context): Promise<User | undefined> {
  const { emails, users } = context;
  const claim = (await emails.get(emailKey(email))) ?? (await firstAdmin(email, context));
  // read in any case: an unknown address takes no less time
  return users.get(claim?.userId ?? 'nobody');
}

/** The admin whom the environment names is there when first asked for. */
async function firstAdmin(email: string, context: Context): Promise<Claim | undefined> {
  const { ADMIN_PASSWORD: password } = context.config;
  if (password === undefined || !isFirstAdmin(email, context)) return undefined;
  try {
    const account = { email, password, name: 'Admin', role: 'admin' } as const;
    return { userId: await openAccount(account, context) };
  } catch (error) {
    const quicker = error instanceof MicroserviceError && error.code === Code.ALREADY_EXISTS;
    // another login made the account meanwhile
    if (quicker) return context.emails.get(emailKey(email));
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
