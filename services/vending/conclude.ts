import { isoTime } from '#kit/core/clock';
import { notFound, unavailable } from '#kit/core/errors';
import type { SagaRecorder } from '#kit/saga/saga-steps';
import { StockMissing, VendCancelled, VendCompleted, VendUnpaid } from '#contracts/vending';
import { CommitOutcome, ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import { change } from './change';
import { cancelled, settled } from './decisions';
import { type Undo, type Vend, facts, goods } from './domain';
import type { Context } from './definition';
import { taken, unclaimed } from './slots';

/**
 * Brings a decided vend to its end. Whom it asks knows the vend by its id, and what it says is one
 * event whoever says it, so that several at once, or another after a crash, do it once.
 */
export async function conclude(
  vend: Vend,
  sagaRecorder: SagaRecorder,
  context: Context,
): Promise<void> {
  let now = vend;
  if (now.status === 'cancelling' || now.status === 'cancelled') {
    now = await unwind(now, sagaRecorder, context);
  }
  // given up before, and dispensed all the same
  const isLate = now.status === 'cancelled' && now.dispensedLate === true;
  if (now.status === 'settling' || isLate) now = await collect(now, sagaRecorder, context);
  await sayEnd(now, context);
}

/** Each is known by the vend's id where it is asked. */
const UNDO: Record<Undo, (vend: Vend, context: Context) => Promise<unknown>> = {
  release: (vend, { inventory }) =>
    inventory.release({ ...goods(vend), reason: vend.reason ?? 'cancelled' }),
  void: ({ vendId: orderId }, { payment }) => payment.void({ orderId }),
  unclaim: ({ vendId, machineId }, { machines, clock }) =>
    machines.decide(machineId, (now) => {
      if (now === undefined) throw notFound('machine');
      const document = unclaimed(now, vendId, isoTime(clock));
      return { document, outcome: undefined, selfIdempotent: true };
    }),
};

async function unwind(vend: Vend, sagaRecorder: SagaRecorder, context: Context): Promise<Vend> {
  for (const undo of vend.undo)
    await sagaRecorder.mandatoryStep(undo, () => UNDO[undo](vend, context));
  const told = sagaRecorder.takeDelta();
  const now = await change(context, vend.vendId, 'cancelled', (current) =>
    cancelled(current, told, isoTime(context.clock)),
  );
  const { userId, reason = 'cancelled' } = now;
  await context.publish(VendCancelled, { ...facts(now), userId, reason }, 'cancelled');
  // the vend tells of it already
  sagaRecorder.takeDelta();
  return now;
}

/** Books what a machine has dispensed, and takes the money for it where that can be done. */
async function collect(vend: Vend, sagaRecorder: SagaRecorder, context: Context): Promise<Vend> {
  // 1. The pieces are out of the machine, and out of the shop's stock: whatever the books say, they
  //    are gone. So what is missing there is told, and nothing else comes of it.
  const missing = { missingInSlot: 0, missingInStock: 0 };
  await sagaRecorder.mandatoryStep('take', async () => {
    missing.missingInSlot = await take(vend, context);
  });
  await sagaRecorder.mandatoryStep('commit', async () => {
    missing.missingInStock = await book(vend, context);
  });
  if (missing.missingInSlot + missing.missingInStock > 0) {
    await context.publish(StockMissing, { ...facts(vend), ...missing }, `missing ${vend.vendId}`);
  }

  // 2. The money. Where nobody knows whether it was taken, this throws, and is tried again later.
  const unpaid = await unpaidReason(vend, sagaRecorder, context);

  const told = sagaRecorder.takeDelta();
  return change(context, vend.vendId, 'settled', (current) =>
    settled(current, unpaid, told, isoTime(context.clock)),
  );
}

async function take(vend: Vend, { machines, clock }: Context): Promise<number> {
  // one that was never planned has nothing by the books
  if ((await machines.get(vend.machineId)) === undefined) return 0;
  const { outcome } = await machines.decide(vend.machineId, (now) => {
    if (now === undefined) throw notFound('machine');
    return { ...taken(now, vend, isoTime(clock)), selfIdempotent: true };
  });
  return outcome.missing;
}

/** How many pieces the shop's stock does not have. */
async function book(vend: Vend, { inventory }: Context): Promise<number> {
  const isGivenUp = vend.status === 'cancelled';
  const isHeld = vend.channel === 'cashless' && !isGivenUp;
  // what was held for a vend that was given up is released, for ever
  const order = isGivenUp ? { ...goods(vend), orderId: `${vend.vendId}_late` } : goods(vend);
  if (!isHeld) {
    const { outcome } = await inventory.reserve(order);
    if (outcome !== ReserveOutcome.RESERVED) return vend.quantity;
  }
  const { outcome } = await inventory.commit(order);
  return outcome === CommitOutcome.COMMITTED ? 0 : vend.quantity;
}

/** Why the money is not to be had; undefined where it is. */
async function unpaidReason(
  vend: Vend,
  sagaRecorder: SagaRecorder,
  { payment }: Context,
): Promise<string | undefined> {
  if (vend.channel === 'cash') return undefined;
  if (vend.status === 'cancelled') return vend.reason ?? 'cancelled';
  const paid = await sagaRecorder.step('capture', async () => {
    const { status, reason } = await payment.capture({ orderId: vend.vendId });
    if (status === 'captured') return { outcome: 'done' };
    if (status === 'authorised') throw unavailable('the money is not captured yet');
    return { outcome: 'refused', reason: reason === '' ? status : reason };
  });
  return paid.outcome === 'done' ? undefined : paid.reason;
}

/** Of a vend that somebody has ended, it may not have been said yet. */
async function sayEnd(vend: Vend, { publish }: Context): Promise<void> {
  const { status, channel, userId, price, reason = status } = vend;
  const priced = price === undefined ? {} : { price };
  if (status === 'completed') {
    const whom = userId === '' ? {} : { userId };
    await publish(VendCompleted, { ...facts(vend), channel, ...priced, ...whom }, 'completed');
  } else if (status === 'unpaid') {
    await publish(VendUnpaid, { ...facts(vend), ...priced, reason }, 'unpaid');
  }
}
