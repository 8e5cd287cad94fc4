import { toTimestamp } from '#kit/core/timestamps';
import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { Code, MicroserviceError, notFound } from '#kit/core/errors';
import { IDEMPOTENCY_SECONDS } from '#kit/delivery/idempotency-store';
import { Id, Text, validate } from '#kit/core/validation';
import type { GetContactRequest, UpdateProfileRequest } from '#proto/retail/user/v1/user_pb';
import { UpdateUser, UserUpdated } from '#contracts/user';
import { type User, revised } from './domain';
import type { Context } from './definition';

const Wanted = z.object({
  name: Text(1, 100).optional(),
  phone: z
    .string()
    .trim()
    .regex(/^(\+?\d[\d ()./-]{3,30})?$/, 'must be a phone number such as +49 30 123456, or empty')
    .optional(),
});

export async function getProfile(_request: unknown, context: Context) {
  return profile(await ownUser(context));
}

export async function updateProfile(request: UpdateProfileRequest, context: Context) {
  const wanted = validate(Wanted, request);
  const { users, revisions, dispatchAndWait, newId, clock } = context;
  const user = await ownUser(context);
  const { document, outcome } = revised(user, wanted, isoTime(clock));
  if (outcome.changed.length === 0) return profile(user);

  const { userId } = user;
  const revisionId = newId('revision');
  await revisions.update(revisionId, (now) => now ?? wanted);
  const done = await dispatchAndWait(
    UpdateUser,
    { userId, revisionId },
    () => users.get(userId),
    // asked for again it stays: see update
    () => revisions.expireIfAbandoned(revisionId, IDEMPOTENCY_SECONDS, () => true),
  );
  // where it takes longer: as it will be, since nothing can refuse it any more
  return profile(done ?? document);
}

export async function reviseUser(
  { userId, revisionId }: EventData<typeof UpdateUser>,
  { users, revisions, publish, clock }: Context,
): Promise<void> {
  const revision = await revisions.get(revisionId);
  // an earlier delivery came to its end
  if (revision === undefined) return;
  await revisions.clearExpiry(revisionId);
  const { outcome } = await users.decide(userId, (user) => {
    if (user === undefined) throw notFound('user');
    return revised(user, revision, isoTime(clock));
  });
  if (outcome.changed.length > 0) await publish(UserUpdated, { userId, ...outcome });
  await revisions.delete(revisionId);
}

const UserRequest = z.object({ userId: Id });

export async function getContact(request: GetContactRequest, { users, caller }: Context) {
  requireRole(caller, 'service', 'admin');
  const { userId } = validate(UserRequest, request);
  const user = await users.get(userId);
  if (user === undefined) throw notFound('user');
  const { email, name, phone } = user;
  return { userId, email, name, ...(phone === undefined ? {} : { phone }) };
}

async function ownUser({ users, caller }: Context): Promise<User> {
  if (caller.userId === '') {
    throw new MicroserviceError('a profile is for who is logged in', Code.UNAUTHENTICATED);
  }
  const user = await users.get(caller.userId);
  if (user === undefined) throw notFound('user');
  return user;
}

function profile({ userId, email, name, role, phone, createdAt, updatedAt }: User) {
  return {
    userId,
    email,
    name,
    role,
    ...(phone === undefined ? {} : { phone }),
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}
