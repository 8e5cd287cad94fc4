import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { SagaRecorder } from '#kit/saga/saga-steps';
import type { DeviceCommandSettled } from '#contracts/iot-gateway';
import type { Context } from '../definition';
import { SUSPECT_FAULT } from '../machine/machine';
import { applyDispenseResult } from './transitions';
import { disableSlotOf } from './disable-slot';
import { DISPENSE } from './dispense';
import { settleOrRetryLater } from './settle-retry-job';
import { updateOnce } from './update-once';

/** Continues a vend when its machine has reported the result, or the command has expired. */
export async function handleDispenseResult(
  result: EventData<typeof DeviceCommandSettled>,
  context: Context,
) {
  const { vends, clock } = context;
  const { commandId: vendId, name, outcome, reason } = result;
  if (name !== DISPENSE || (await vends.get(vendId)) === undefined) return;
  const vend = await updateOnce(context, vendId, `answered ${outcome}`, (current) =>
    applyDispenseResult(current, result, isoTime(clock)),
  );
  if (outcome === 'failed') await disableSlotOf(vend, reason ?? 'not_dispensed', context);
  if (outcome === 'expired') await disableSlotOf(vend, SUSPECT_FAULT, context);
  await settleOrRetryLater(vend, new SagaRecorder(context), context);
}
