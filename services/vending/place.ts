import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { isTransient, notFound } from '#kit/core/errors';
import { type StepSuccess, type StepFailure, SagaRecorder } from '#kit/saga/saga-steps';
import type { PlaceVend } from '#contracts/vending';
import { ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import { PATIENCE_MS, authorize } from './authorize';
import { change } from './change';
import { type Verdict, decided } from './decisions';
import { dispense } from './dispense';
import { type Vend, goods } from './domain';
import { concludeOrLater } from './later';
import type { Context } from './definition';
import { claim } from './slots';

/**
 * Carries out a vend up to where its machine is to dispense, and waits for nothing then: the
 * machine's answer goes on with it. Whom a step asks knows the vend by its id, so that asking again
 * after a crash is the same step. A step that cannot be asked for now throws, and all of this is run
 * again.
 */
export async function place({ vendId }: EventData<typeof PlaceVend>, context: Context) {
  const { vends, lists, clock } = context;
  const vend = await vends.getOrThrow(vendId);
  // who began it may not know that it came here: before anything is done for it, it must stay
  await vends.clearExpiry(vendId);
  const sagaRecorder = new SagaRecorder(context);
  // a vend is listed from when it is certain to end
  await lists.byUser.add(vend.userId, vendId);
  await lists.byMachine.add(vend.machineId, vendId);

  // A vend that is decided never goes forward again, whatever became of an earlier delivery.
  const verdict =
    vend.status === 'pending' ? await goForward(vend, sagaRecorder, context) : undefined;

  // 4. Decide, by one change of the document.
  const told = sagaRecorder.takeDelta();
  let now = await change(context, vendId, 'decided', (current) =>
    decided(current, verdict, told, isoTime(clock)),
  );

  // 5. Have it dispensed; or undo what was done, and say so. One that was cancelled meanwhile may
  //    have got something from this run after all, and that is undone once more.
  if (now.status === 'dispensing') now = await dispense(now, context);
  const isCancelled = now.status === 'cancelling' || now.status === 'cancelled';
  if (isCancelled) await concludeOrLater(now, sagaRecorder, context);
}

async function goForward(
  vend: Vend,
  sagaRecorder: SagaRecorder,
  context: Context,
): Promise<Verdict> {
  // 1. Claim a piece, in a machine that is there.
  const claimed = await sagaRecorder.step('claim', () => claimPiece(vend, context));
  if (claimed.outcome !== 'done') return { dispense: false, refusal: claimed.reason };

  // 2. Have the money kept ready.
  const paid = await sagaRecorder.step('authorize', () => authorize(vend, context));
  if (paid.outcome === 'declined') return { dispense: false, reason: 'payment_failed' };
  if (paid.outcome !== 'done') return { dispense: false, reason: 'payment_unknown' };

  // 3. Hold the piece in the shop's stock.
  const held = await sagaRecorder.step('reserve', () => reserve(vend, context));
  if (held.outcome !== 'done') return { dispense: false, reason: 'out_of_stock' };

  const until = context.clock.now() + context.config.DISPENSE_SECONDS * 1000;
  return { dispense: true, until: new Date(until).toISOString() };
}

async function claimPiece(
  vend: Vend,
  context: Context,
): Promise<StepSuccess<object> | StepFailure> {
  const { machines, clock } = context;
  const hindrance = await hindranceOf(vend, context);
  const { outcome } = await machines.decide(vend.machineId, (now) => {
    if (now === undefined) throw notFound('machine');
    return { ...claim(now, vend, hindrance, isoTime(clock)), selfIdempotent: true };
  });
  const { refusal } = outcome;
  return refusal === undefined ? { outcome: 'done' } : { outcome: 'refused', reason: refusal };
}

/** Why its machine cannot be told to dispense. */
async function hindranceOf(
  { machineId: deviceId, shopId, createdAt }: Vend,
  { 'iot-gateway': devices, shop, clock }: Context,
): Promise<string | undefined> {
  try {
    const device = await shop.getDevice({ deviceId });
    // it is in another shop now, which has not said yet what it sells there
    if (device.shopId !== shopId) return 'machine_moved';
    const { status } = await devices.getPresence({ deviceId });
    if (status === 'online') return undefined;
    return status === 'offline' ? 'machine_offline' : 'machine_unknown';
  } catch (error) {
    const mayWait = clock.now() < Date.parse(createdAt) + PATIENCE_MS;
    if (isTransient(error) && mayWait) throw error;
    return 'machine_unknown';
  }
}

async function reserve(
  vend: Vend,
  { inventory }: Context,
): Promise<StepSuccess<object> | StepFailure> {
  const { outcome, reason } = await inventory.reserve(goods(vend));
  return outcome === ReserveOutcome.RESERVED ? { outcome: 'done' } : { outcome: 'refused', reason };
}
