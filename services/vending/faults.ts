import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { notFound } from '#kit/core/errors';
import type { DeviceDataReceived } from '#contracts/iot-gateway';
import { SlotFaulted } from '#contracts/vending';
import { isGivenUp } from './decisions';
import type { Vend } from './domain';
import type { Context } from './definition';
import { faulted, reported } from './slot-faults';

/** Takes a slot out of use that a vend came out of badly, unless it has dispensed after all. */
export async function takeOutOfUse(vend: Vend, fault: string, context: Context): Promise<void> {
  const { machines, publish, clock } = context;
  const { vendId, machineId, shopId, slot, productId } = vend;
  if (!isGivenUp(vend)) return;
  const once = `${fault} ${vendId}`;
  const { outcome } = await machines.decide(
    machineId,
    (now) => {
      if (now === undefined) throw notFound('machine');
      return faulted(now, slot, fault, isoTime(clock));
    },
    once,
  );
  if (!outcome.isNew) return;
  await publish(SlotFaulted, { machineId, shopId, slot, productId, fault }, once);
}

type Data = EventData<typeof DeviceDataReceived>;
type Faults = Extract<Data, { dataType: 'faults' }>;

/** What a machine tells is wrong with it: all of it, so what it does not tell any more is well again. */
export async function faultsTold(told: Faults, { machines, publish }: Context): Promise<void> {
  const { deviceId: machineId, shopId, data: faults, position } = told;
  if ((await machines.get(machineId)) === undefined) return;
  const { outcome } = await machines.decide(machineId, (now) => {
    if (now === undefined) throw notFound('machine');
    return reported(now, faults, position);
  });
  for (const { slot, productId, fault } of outcome) {
    await publish(SlotFaulted, { machineId, shopId, slot, productId, fault });
  }
}
