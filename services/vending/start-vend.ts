import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, invalid, notFound } from '#kit/core/errors';
import { deterministicId } from '#kit/core/deterministic-id';
import { IDEMPOTENCY_SECONDS, idempotencyKeyReused } from '#kit/delivery/idempotency-store';
import { validate } from '#kit/core/validation';
import type { z } from 'zod';
import { PlaceVend } from '#contracts/vending';
import type { StartVendRequest } from '#proto/retail/vending/v1/vending_pb';
import { toMessage } from './answers';
import type { Vend } from './domain';
import { priceOf } from './prices';
import { VendRequest } from './requests';
import type { Context } from './definition';
import { slotOf } from './slots';

/**
 * Keeps what somebody wants to buy, at today's price, and gives the command to sell it. Whether it
 * is to be had is for the command: what is refused is a vend too, and answered as cancelled.
 */
export async function startVend(request: StartVendRequest, context: Context) {
  const { vends, newId, dispatchAndWait, caller } = context;
  if (caller.userId === '') {
    throw new MicroserviceError('vends are for who is logged in', Code.UNAUTHENTICATED);
  }
  const wanted = validate(VendRequest, request);
  // the same request asked again is the same vend: its id comes from the Idempotency-Key
  const vendId = newId('vend');
  const fingerprint = deterministicId(caller.userId, JSON.stringify(wanted));
  const before = await vends.get(vendId);
  const vend = before ?? (await keep(vendId, fingerprint, wanted, context));
  if (vend.fingerprint !== fingerprint) throw idempotencyKeyReused();
  if (vend.status !== 'pending') return toMessage(vend);
  // asked for again, it is wanted after all
  if (before !== undefined) await vends.clearExpiry(vendId);
  // where nobody asks for it again while they may, nothing of it stays: it has a token in it
  const letGo = () =>
    vends.expireIfAbandoned(vendId, IDEMPOTENCY_SECONDS, ({ status }) => status === 'pending');
  const now = await dispatchAndWait(PlaceVend, { vendId }, () => vends.get(vendId), letGo);
  return toMessage(now ?? vend);
}

async function keep(
  vendId: string,
  fingerprint: string,
  { machineId, slot: name, payment }: z.output<typeof VendRequest>,
  context: Context,
): Promise<Vend> {
  const { machines, vends, caller, clock } = context;
  const machine = await machines.get(machineId);
  if (machine === undefined) throw notFound('machine');
  const slot = slotOf(machine, name);
  if (slot === undefined) throw invalid('slot', 'is no slot of this machine');
  const { shopId } = machine;
  const price = await priceOf(slot, shopId, context);
  if (price === undefined) throw invalid('slot', 'holds what the shop does not sell any more');
  const at = isoTime(clock);
  const vend: Vend = {
    ...{ vendId, machineId, shopId, slot: name, productId: slot.productId, quantity: 1, price },
    ...{ channel: 'cashless', status: 'pending', userId: caller.userId, payment, fingerprint },
    ...{ undo: [], story: { steps: [], events: [] }, createdAt: at, updatedAt: at },
  };
  return vends.update(vendId, (now) => now ?? vend);
}
