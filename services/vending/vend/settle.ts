import { isoTime } from '#kit/core/clock';
import { notFound, unavailable } from '#kit/core/errors';
import type { SagaRecorder } from '#kit/saga/saga-steps';
import { StockMissing, VendCancelled, VendCompleted, VendUnpaid } from '#contracts/vending';
import { CommitOutcome, ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import type { Context } from '../definition';
import { releaseClaim, removePieces } from '../machine/machine';
import { completeCancellation, completeSettlement } from './transitions';
import { updateOnce } from './update-once';
import { type Compensation, type Vend, toEventPayload, toReservation } from './vend';

/**
 * Brings a vend with an outcome to its end: compensates a cancelled one, books and captures a dispensed
 * one. Every call is idempotent by the vend's id and every event has a dedup key, so that concurrent
 * executions, or a second one after a crash, have each effect once.
 */
export async function settle(
  vend: Vend,
  sagaRecorder: SagaRecorder,
  context: Context,
): Promise<void> {
  let current = vend;
  if (current.status === 'cancelling' || current.status === 'cancelled') {
    current = await compensate(current, sagaRecorder, context);
  }
  const isDispensedLate = current.status === 'cancelled' && current.dispensedLate === true;
  if (current.status === 'settling' || isDispensedLate) {
    current = await bookSale(current, sagaRecorder, context);
  }
  await publishEnd(current, context);
}

const COMPENSATIONS: Record<Compensation, (vend: Vend, context: Context) => Promise<unknown>> = {
  release: (vend, { inventory }) =>
    inventory.release({ ...toReservation(vend), reason: vend.reason ?? 'cancelled' }),
  void: ({ vendId: orderId }, { payment }) => payment.void({ orderId }),
  unclaim: ({ vendId, machineId }, { machines, clock }) =>
    machines.decide(machineId, (machine) => {
      if (machine === undefined) throw notFound('machine');
      const document = releaseClaim(machine, vendId, isoTime(clock));
      return { document, outcome: undefined, selfIdempotent: true };
    }),
};

async function compensate(vend: Vend, sagaRecorder: SagaRecorder, context: Context): Promise<Vend> {
  for (const compensation of vend.undo) {
    await sagaRecorder.mandatoryStep(compensation, () =>
      COMPENSATIONS[compensation](vend, context),
    );
  }
  const sagaLogDelta = sagaRecorder.takeDelta();
  const updated = await updateOnce(context, vend.vendId, 'cancelled', (current) =>
    completeCancellation(current, sagaLogDelta, isoTime(context.clock)),
  );
  const { userId, reason = 'cancelled' } = updated;
  await context.publish(VendCancelled, { ...toEventPayload(updated), userId, reason }, 'cancelled');
  // the saga log has this event already: see completeCancellation
  sagaRecorder.takeDelta();
  return updated;
}

/** Books what the machine dispensed, and captures the payment if that is still possible. */
async function bookSale(vend: Vend, sagaRecorder: SagaRecorder, context: Context): Promise<Vend> {
  // 1. The pieces have left the machine and the shop's stock, even if these have fewer on record. A
  //    difference is published and has no other consequence.
  const missing = { missingInSlot: 0, missingInStock: 0 };
  await sagaRecorder.mandatoryStep('take', async () => {
    missing.missingInSlot = await removeFromSlot(vend, context);
  });
  await sagaRecorder.mandatoryStep('commit', async () => {
    missing.missingInStock = await removeFromStock(vend, context);
  });
  if (missing.missingInSlot + missing.missingInStock > 0) {
    const dedupKey = `missing ${vend.vendId}`;
    await context.publish(StockMissing, { ...toEventPayload(vend), ...missing }, dedupKey);
  }

  // 2. Capture the payment. This throws while the outcome is unknown; the retry job tries again.
  const unpaidReason = await capture(vend, sagaRecorder, context);

  const sagaLogDelta = sagaRecorder.takeDelta();
  return updateOnce(context, vend.vendId, 'settled', (current) =>
    completeSettlement(current, unpaidReason, sagaLogDelta, isoTime(context.clock)),
  );
}

/** Returns the number of pieces that were missing in the slot. */
async function removeFromSlot(vend: Vend, { machines, clock }: Context): Promise<number> {
  // a machine without a planogram has no recorded quantities, so nothing can be missing
  if ((await machines.get(vend.machineId)) === undefined) return 0;
  const { outcome } = await machines.decide(vend.machineId, (machine) => {
    if (machine === undefined) throw notFound('machine');
    return { ...removePieces(machine, vend, isoTime(clock)), selfIdempotent: true };
  });
  return outcome.missing;
}

/** Returns the number of pieces that were missing in the shop's stock. */
async function removeFromStock(vend: Vend, { inventory }: Context): Promise<number> {
  const isCancelled = vend.status === 'cancelled';
  const isReserved = vend.channel === 'cashless' && !isCancelled;
  // the cancellation released the reservation for good, so this needs another id
  const reservation = isCancelled
    ? { ...toReservation(vend), orderId: `${vend.vendId}_late` }
    : toReservation(vend);
  if (!isReserved) {
    const { outcome } = await inventory.reserve(reservation);
    if (outcome !== ReserveOutcome.RESERVED) return vend.quantity;
  }
  const { outcome } = await inventory.commit(reservation);
  return outcome === CommitOutcome.COMMITTED ? 0 : vend.quantity;
}

/** Captures the payment. Returns the reason if that is impossible; undefined if the vend is paid. */
async function capture(
  vend: Vend,
  sagaRecorder: SagaRecorder,
  { payment }: Context,
): Promise<string | undefined> {
  if (vend.channel === 'cash') return undefined;
  if (vend.status === 'cancelled') return vend.reason ?? 'cancelled';
  const captured = await sagaRecorder.step('capture', async () => {
    const { status, reason } = await payment.capture({ orderId: vend.vendId });
    if (status === 'captured') return { outcome: 'done' };
    if (status === 'authorised') throw unavailable('the payment is not captured yet');
    return { outcome: 'refused', reason: reason === '' ? status : reason };
  });
  return captured.outcome === 'done' ? undefined : captured.reason;
}

/** Publishes the end of a vend, even if another execution ended it: that may have died before it did. */
async function publishEnd(vend: Vend, { publish }: Context): Promise<void> {
  const { status, channel, userId, price, reason = status } = vend;
  const priced = price === undefined ? {} : { price };
  if (status === 'completed') {
    const buyer = userId === '' ? {} : { userId };
    const payload = { ...toEventPayload(vend), channel, ...priced, ...buyer };
    await publish(VendCompleted, payload, 'completed');
  } else if (status === 'unpaid') {
    await publish(VendUnpaid, { ...toEventPayload(vend), ...priced, reason }, 'unpaid');
  }
}
