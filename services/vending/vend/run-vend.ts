import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { isTransient, notFound } from '#kit/core/errors';
import { type StepSuccess, type StepFailure, SagaRecorder } from '#kit/saga/saga-steps';
import type { PlaceVend } from '#contracts/vending';
import { ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import type { Context } from '../definition';
import { claimPiece } from '../machine/machine';
import { BUYER_WAIT_MS } from '../timeouts';
import { authorize } from './authorize';
import { type SagaOutcome, applyOutcome } from './transitions';
import { dispense } from './dispense';
import { settleOrRetryLater } from './settle-retry-job';
import { updateOnce } from './update-once';
import { type Vend, toReservation } from './vend';

/**
 * Runs a vend up to the command to dispense. It does not wait for the machine: `handleDispenseResult`
 * continues. Every step is idempotent by the vend's id, so rerunning it after a crash is safe. A step
 * that fails for now throws, and a redelivery runs all of this again.
 */
export async function runVend({ vendId }: EventData<typeof PlaceVend>, context: Context) {
  const { vends, lists, clock } = context;
  const vend = await vends.getOrThrow(vendId);
  // The publisher may have taken the command for unpublished and set an expiry. Clear it before any
  // effect.
  await vends.clearExpiry(vendId);
  const sagaRecorder = new SagaRecorder(context);
  // listed only now: from here on the vend is certain to end
  await lists.byUser.add(vend.userId, vendId);
  await lists.byMachine.add(vend.machineId, vendId);

  // A vend with an outcome never takes these steps again, however far an earlier delivery came.
  const outcome =
    vend.status === 'pending' ? await takeSteps(vend, sagaRecorder, context) : undefined;

  // 4. Store the outcome, with one write.
  const sagaLogDelta = sagaRecorder.takeDelta();
  let updated = await updateOnce(context, vendId, 'decided', (current) =>
    applyOutcome(current, outcome, sagaLogDelta, isoTime(clock)),
  );

  // 5. Send the command, or compensate and publish the cancellation. If another execution cancelled the
  //    vend meanwhile, this one may have claimed or reserved after that, so it compensates again.
  if (updated.status === 'dispensing') updated = await dispense(updated, context);
  const isCancelled = updated.status === 'cancelling' || updated.status === 'cancelled';
  if (isCancelled) await settleOrRetryLater(updated, sagaRecorder, context);
}

async function takeSteps(
  vend: Vend,
  sagaRecorder: SagaRecorder,
  context: Context,
): Promise<SagaOutcome> {
  // 1. Claim a piece in the slot of a machine that is online.
  const claimed = await sagaRecorder.step('claim', () => claimFromMachine(vend, context));
  if (claimed.outcome !== 'done') return { dispense: false, refusal: claimed.reason };

  // 2. Authorise the payment.
  const paid = await sagaRecorder.step('authorize', () => authorize(vend, context));
  if (paid.outcome === 'declined') return { dispense: false, reason: 'payment_failed' };
  if (paid.outcome !== 'done') return { dispense: false, reason: 'payment_unknown' };

  // 3. Reserve the piece in the shop's stock.
  const reserved = await sagaRecorder.step('reserve', () => reserve(vend, context));
  if (reserved.outcome !== 'done') return { dispense: false, reason: 'out_of_stock' };

  const until = context.clock.now() + context.config.DISPENSE_SECONDS * 1000;
  return { dispense: true, until: new Date(until).toISOString() };
}

async function claimFromMachine(
  vend: Vend,
  context: Context,
): Promise<StepSuccess<object> | StepFailure> {
  const { machines, clock } = context;
  const blockReason = await machineBlockReason(vend, context);
  const { outcome } = await machines.decide(vend.machineId, (current) => {
    if (current === undefined) throw notFound('machine');
    return { ...claimPiece(current, vend, blockReason, isoTime(clock)), selfIdempotent: true };
  });
  const { refusal } = outcome;
  return refusal === undefined ? { outcome: 'done' } : { outcome: 'refused', reason: refusal };
}

/** Why the machine cannot be sent a command; undefined if it can. */
async function machineBlockReason(
  { machineId: deviceId, shopId, createdAt }: Vend,
  { 'iot-gateway': devices, shop, clock }: Context,
): Promise<string | undefined> {
  try {
    const device = await shop.getDevice({ deviceId });
    // it was assigned to another shop, which has not set its planogram yet
    if (device.shopId !== shopId) return 'machine_moved';
    const { status } = await devices.getPresence({ deviceId });
    if (status === 'online') return undefined;
    return status === 'offline' ? 'machine_offline' : 'machine_unknown';
  } catch (error) {
    const canWait = clock.now() < Date.parse(createdAt) + BUYER_WAIT_MS;
    if (isTransient(error) && canWait) throw error;
    return 'machine_unknown';
  }
}

async function reserve(
  vend: Vend,
  { inventory }: Context,
): Promise<StepSuccess<object> | StepFailure> {
  const { outcome, reason } = await inventory.reserve(toReservation(vend));
  return outcome === ReserveOutcome.RESERVED ? { outcome: 'done' } : { outcome: 'refused', reason };
}
