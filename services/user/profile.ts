import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { notFound, refusalOf, stillInProgress } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import { toTimestamp } from '#kit/core/timestamps';
import { IDEMPOTENCY_SECONDS } from '#kit/delivery/idempotency-store';
import { Id, validate } from '#kit/core/validation';
import type { GetContactRequest, UpdateProfileRequest } from '#proto/retail/user/v1/user_pb';
import { UpdateUser, UserUpdated } from '#contracts/user';
import { Phone, type PhoneRegion } from '#retail/contact';
import { callerAccount } from './accounts';
import type { Context } from './definition';
import { type User, applyProfileUpdate } from './domain';
import { PersonName } from './names';
import { requestIndex } from './user-index';

const ProfileFields = (region: z.output<typeof PhoneRegion>) =>
  z.object({ name: PersonName.optional(), phone: Phone(region).optional() });

export async function getProfile(_request: unknown, context: Context) {
  return toMessage(await callerAccount(context));
}

export async function updateProfile(request: UpdateProfileRequest, context: Context) {
  const { users, revisions, beginCommand, dispatchAndWait, newId, clock, config, precondition } =
    context;
  const update = validate(ProfileFields(config.PHONE_REGION), request);
  const user = await callerAccount(context);
  const { document, outcome } = applyProfileUpdate(user, update, isoTime(clock));
  const { userId } = user;
  const revisionId = newId('revision');
  if (outcome.changed.length === 0) {
    // under the id of the revision: an earlier try of this request may have made the change
    const check = (now: User | undefined) => {
      if (now === undefined) throw notFound('user');
      requirePrecondition(precondition, now);
      return { document: now, outcome };
    };
    return toMessage((await users.decide(userId, check, revisionId)).document);
  }
  const command = { userId, revisionId, precondition };
  await beginCommand(UpdateUser, command, 'revisions', revisionId);
  await revisions.update(revisionId, (now) => now ?? update);
  const updated = await dispatchAndWait(
    UpdateUser,
    command,
    () => users.get(userId),
    // the update above clears the expiry when the request is retried
    () => revisions.expireIfAbandoned(revisionId, IDEMPOTENCY_SECONDS, () => true),
  );
  if (updated === undefined && precondition !== undefined) throw stillInProgress('the update');
  // if it takes longer than the caller waits: the expected result, since nothing can refuse it any more
  return toMessage(updated ?? document);
}

/** Handles UpdateUser. */
export async function applyUserUpdate(
  { userId, revisionId, precondition }: EventData<typeof UpdateUser>,
  context: Context,
): Promise<void> {
  const { users, revisions, publish, clock } = context;
  const update = await revisions.get(revisionId);
  // an earlier delivery has completed the update
  if (update === undefined) return;
  await revisions.clearExpiry(revisionId);
  const apply = (user: User | undefined) => {
    if (user === undefined) throw notFound('user');
    requirePrecondition(precondition, user);
    return applyProfileUpdate(user, update, isoTime(clock));
  };
  const { outcome } = await users
    .decide(userId, apply, revisionId)
    .catch(async (error: unknown) => {
      // kept for a while: without it, a redelivery would take the update for completed
      const isFinal = refusalOf(error) !== undefined;
      if (isFinal) await revisions.expireIfAbandoned(revisionId, IDEMPOTENCY_SECONDS, () => true);
      throw error;
    });
  if (outcome.changed.length > 0) await publish(UserUpdated, { userId, ...outcome });
  if (outcome.changed.includes('name')) await requestIndex(userId, context);
  await revisions.delete(revisionId);
}

const ContactRequest = z.object({ userId: Id });

/**
 * Returns the name, e-mail address and phone number of a user. For services. The name is empty
 * if it was stored before names were checked and is not safe to use in an e-mail.
 */
export async function getContact(request: GetContactRequest, { users, caller }: Context) {
  requireRole(caller, 'service');
  const { userId } = validate(ContactRequest, request);
  const user = await users.get(userId);
  if (user === undefined) throw notFound('user');
  const { email, phone, emailVerifiedAt } = user;
  const name = PersonName.safeParse(user.name).data ?? '';
  const emailVerified = emailVerifiedAt !== undefined;
  return { userId, email, name, emailVerified, ...(phone === undefined ? {} : { phone }) };
}

function toMessage(user: User) {
  const { userId, email, name, role, phone, createdAt, updatedAt, emailVerifiedAt } = user;
  return {
    userId,
    email,
    name,
    role,
    ...(phone === undefined ? {} : { phone }),
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
    emailVerified: emailVerifiedAt !== undefined,
  };
}
