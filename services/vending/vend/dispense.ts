import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, isTransient } from '#kit/core/errors';
import { toTimestamp } from '#kit/core/timestamps';
import type { Context } from '../definition';
import { SUSPECT_FAULT } from '../machine/machine';
import { type DispenseResult, applyDispenseResult } from './transitions';
import { disableSlotOf } from './disable-slot';
import { updateOnce } from './update-once';
import type { Vend } from './vend';

/** The name of the command to a machine. Its result arrives under the same name. */
export const DISPENSE = 'dispense';

/** Sends the command to the machine. The vend's id is the command's id, so sending it again is safe. */
export async function dispense(vend: Vend, context: Context): Promise<Vend> {
  const { 'iot-gateway': devices, clock } = context;
  const { vendId, machineId, slot, productId, quantity, expiresAt = vend.updatedAt } = vend;
  try {
    await devices.sendCommand({
      commandId: vendId,
      deviceId: machineId,
      name: DISPENSE,
      arguments: { slot, productId, quantity },
      expiresAt: toTimestamp(expiresAt),
    });
    return vend;
  } catch (error) {
    const isUnknown = isTransient(error) || !(error instanceof MicroserviceError);
    // a redelivery sends it again while the machine may still dispense
    if (isUnknown && clock.now() < Date.parse(expiresAt)) throw error;
    const result: DispenseResult = isUnknown
      ? { outcome: 'expired' }
      : { outcome: 'unreachable', reason: error.details.reason ?? codeOf(error) };
    const updated = await updateOnce(context, vendId, `answered ${result.outcome}`, (current) =>
      applyDispenseResult(current, result, isoTime(clock)),
    );
    if (isUnknown) await disableSlotOf(updated, SUSPECT_FAULT, context);
    return updated;
  }
}

function codeOf({ code }: MicroserviceError): string {
  return Code[code].toLowerCase();
}
