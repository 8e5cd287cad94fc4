import type { z } from 'zod';
import { accountOf } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, invalid, notFound } from '#kit/core/errors';
import { deterministicId } from '#kit/core/deterministic-id';
import { IDEMPOTENCY_SECONDS, idempotencyKeyReused } from '#kit/delivery/idempotency-store';
import { validate } from '#kit/core/validation';
import { PlaceVend } from '#contracts/vending';
import type { StartVendRequest } from '#proto/retail/vending/v1/vending_pb';
import type { Context } from '../definition';
import { findSlot } from '../machine/machine';
import { vendPrice } from '../machine/prices';
import { toMessage } from './queries';
import { VendRequest } from './requests';
import type { Vend } from './vend';

/**
 * Stores a vend at the current price and publishes the command to run it. The command finds out whether
 * the piece is available: a refused vend is returned as cancelled, not as an error.
 */
export async function startVend(request: StartVendRequest, context: Context) {
  const { vends, newId, beginCommand, dispatchAndWait, caller } = context;
  if (caller.userId === '') {
    throw new MicroserviceError('Sign in to buy from a machine.', Code.UNAUTHENTICATED);
  }
  const vendRequest = validate(VendRequest, request);
  // derived from the Idempotency-Key, so a repeated request gets the same vend
  const vendId = newId('vend');
  const fingerprint = deterministicId(accountOf(caller), JSON.stringify(vendRequest));
  const known = await vends.get(vendId);
  const vend = known ?? (await createVend(vendId, fingerprint, vendRequest, context));
  if (vend.fingerprint !== fingerprint) throw idempotencyKeyReused();
  if (vend.status !== 'pending') return toMessage(vend);
  // an abandoned vend that is requested again must not expire
  if (known !== undefined) {
    await beginCommand(PlaceVend, { vendId }, 'vends', vendId);
    await vends.clearExpiry(vendId);
  }
  // Unless it is requested again while its key is valid, an unpublished vend expires: it contains a
  // payment token.
  const expireIfPending = () =>
    vends.expireIfAbandoned(vendId, IDEMPOTENCY_SECONDS, ({ status }) => status === 'pending');
  const result = await dispatchAndWait(
    PlaceVend,
    { vendId },
    () => vends.get(vendId),
    expireIfPending,
  );
  return toMessage(result ?? vend);
}

async function createVend(
  vendId: string,
  fingerprint: string,
  { machineId, slot: name, payment }: z.output<typeof VendRequest>,
  context: Context,
): Promise<Vend> {
  const { machines, vends, beginCommand, caller, clock } = context;
  const machine = await machines.get(machineId);
  if (machine === undefined) throw notFound('machine');
  const slot = findSlot(machine, name);
  if (slot === undefined) throw invalid('slot', 'does not exist in this machine');
  const { shopId } = machine;
  const price = await vendPrice(slot, machine, context);
  const at = isoTime(clock);
  const vend: Vend = {
    vendId,
    machineId,
    shopId,
    slot: name,
    productId: slot.productId,
    quantity: 1,
    price,
    channel: 'cashless',
    status: 'pending',
    userId: accountOf(caller),
    payment,
    fingerprint,
    undo: [],
    story: { steps: [], events: [] },
    createdAt: at,
    updatedAt: at,
  };
  await beginCommand(PlaceVend, { vendId }, 'vends', vendId);
  return vends.update(vendId, (current) => current ?? vend);
}
