import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { Id, validate } from '#kit/core/validation';
import type { FindSellersRequest } from '#proto/retail/user/v1/user_pb';
import { mayHold } from './accounts';
import { isValid } from './api-keys';
import type { Context } from './definition';

const Candidates = z.object({ ids: z.array(Id).max(100) });

/** Returns those of the ids that stand for a user or an API key which may sell now. */
export async function findSellers(request: FindSellersRequest, context: Context) {
  const { users, apiKeys, caller } = context;
  requireRole(caller, 'admin');
  const ids = [...new Set(validate(Candidates, request).ids)];
  const userIds: string[] = [];
  const keyIds: string[] = [];
  await Promise.all(
    ids.map(async (id) => {
      if (mayHold('seller', await users.get(id))) userIds.push(id);
      const key = await apiKeys.get(id);
      if (key !== undefined && (await isValid(key, context))) keyIds.push(id);
    }),
  );
  return { userIds, keyIds };
}
