import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { SagaRecorder } from '#kit/saga/saga-steps';
import type { DeviceCommandSettled } from '#contracts/iot-gateway';
import { change } from './change';
import { answered } from './decisions';
import { DISPENSE } from './dispense';
import { takeOutOfUse } from './faults';
import { concludeOrLater } from './later';
import type { Context } from './definition';
import { SUSPECT } from './slots';

/** Goes on with a vend, once its machine has told whether it has dispensed, or the time for it is over. */
export async function machineAnswered(
  answer: EventData<typeof DeviceCommandSettled>,
  context: Context,
) {
  const { vends, clock } = context;
  const { commandId: vendId, name, outcome, reason } = answer;
  if (name !== DISPENSE || (await vends.get(vendId)) === undefined) return;
  const vend = await change(context, vendId, `answered ${outcome}`, (now) =>
    answered(now, answer, isoTime(clock)),
  );
  if (outcome === 'failed') await takeOutOfUse(vend, reason ?? 'not_dispensed', context);
  if (outcome === 'expired') await takeOutOfUse(vend, SUSPECT, context);
  await concludeOrLater(vend, new SagaRecorder(context), context);
}
