import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, isTransient } from '#kit/core/errors';
import { change } from './change';
import { answered } from './decisions';
import type { Vend } from './domain';
import { takeOutOfUse } from './faults';
import type { Context } from './definition';
import { SUSPECT } from './slots';

/** The command that a machine gets, and by whose name its answer is known. */
export const DISPENSE = 'dispense';

/** Tells the machine; the same vend is the same command, however often it is told. */
export async function dispense(vend: Vend, context: Context): Promise<Vend> {
  const { 'iot-gateway': devices, clock } = context;
  const { vendId, machineId, slot, productId, quantity, expiresAt = vend.updatedAt } = vend;
  const until = new Date(expiresAt);
  try {
    await devices.sendCommand({
      ...{ commandId: vendId, deviceId: machineId, name: DISPENSE },
      ...{ arguments: { slot, productId, quantity }, expiresAt: timestampFromDate(until) },
    });
    return vend;
  } catch (error) {
    const isUnknown = isTransient(error) || !(error instanceof MicroserviceError);
    // it is told again as long as it may dispense
    if (isUnknown && clock.now() < until.getTime()) throw error;
    // nobody knows whether it was told, or it cannot be told
    const answer = isUnknown
      ? ({ outcome: 'expired' } as const)
      : { outcome: 'unreachable' as const, reason: error.details.reason ?? codeOf(error) };
    const now = await change(context, vendId, `answered ${answer.outcome}`, (current) =>
      answered(current, answer, isoTime(clock)),
    );
    if (isUnknown) await takeOutOfUse(now, SUSPECT, context);
    return now;
  }
}

function codeOf({ code }: MicroserviceError): string {
  return Code[code].toLowerCase();
}
