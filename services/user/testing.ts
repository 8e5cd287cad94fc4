import { type TestbedOptions } from '#kit/testing/testbed-options';
import { testbed } from '#kit/testing/testbed';
import { AccountMailRequested } from '#contracts/user';
import type { User } from './domain';
import { user } from './service';

// Shared by the tests of this service.

export const config = {
  PASSWORD_COST: 4,
  USER_KEY_FILE: 'k'.repeat(43),
  PHONE_REGION: 'DE' as const,
};
export const anna = { email: 'anna@example.com', password: 'correct horse', name: 'Anna' };
export const anonymous = { userId: '', role: 'anonymous', tenantId: 'default' } as const;
export const service = { userId: '', role: 'service', tenantId: 'default' } as const;
export const admin = { userId: 'root', role: 'admin', tenantId: 'default' } as const;

export type Bed = ReturnType<typeof build>;

type Options = TestbedOptions<typeof user.definition>;

export function build(given: Options = {}) {
  return testbed(user, { config, ...given });
}

/** Stores an account; its password is that of nobody. */
export async function withUser(
  bed: Bed,
  userId: string,
  fields: Partial<User> = {},
  tenantId = 'default',
): Promise<void> {
  const at = '2025-12-01T00:00:00.000Z';
  const { users } = bed.context({ ...service, tenantId });
  await users.update(userId, () => ({
    userId,
    email: `${userId}@example.com`,
    name: 'Somebody',
    role: 'customer',
    passwordHash: 'h',
    createdAt: at,
    updatedAt: at,
    ...fields,
  }));
}

export async function withAnna(given: Options = {}) {
  const bed = build(given);
  const { userId } = await bed.call('register', anna, { caller: anonymous });
  await bed.settle();
  const caller = { ...anonymous, userId, role: 'customer' } as const;
  const login = (password = anna.password) =>
    bed.call('login', { ...anna, password }, { caller: anonymous });
  return { bed, userId, caller, login };
}

/** The token of the e-mail that was announced last. */
export async function mailedToken(bed: Bed): Promise<string> {
  await bed.settle();
  const { userId = '', mailId = '' } = bed.published(AccountMailRequested).at(-1) ?? {};
  const { token } = await bed.call('getAccountMail', { userId, mailId }, { caller: service });
  return token;
}
