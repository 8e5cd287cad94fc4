import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { notFound } from '#kit/core/errors';
import type { DeviceDataReceived } from '#contracts/iot-gateway';
import { SlotFaulted } from '#contracts/vending';
import type { Context } from '../definition';
import { applyFaultReport, markFaulty } from './slot-faults';

/** Marks a slot as faulty, so that it sells nothing, and publishes that once per `dedupKey`. */
export async function disableSlot(
  location: { machineId: string; shopId: string; slot: string; productId: string },
  fault: string,
  dedupKey: string,
  { machines, publish, clock }: Context,
): Promise<void> {
  const { machineId, shopId, slot, productId } = location;
  const { outcome } = await machines.decide(
    machineId,
    (current) => {
      if (current === undefined) throw notFound('machine');
      return markFaulty(current, slot, fault, isoTime(clock));
    },
    dedupKey,
  );
  if (!outcome.isNew) return;
  await publish(SlotFaulted, { machineId, shopId, slot, productId, fault }, dedupKey);
}

type DeviceData = EventData<typeof DeviceDataReceived>;
type FaultReport = Extract<DeviceData, { dataType: 'faults' }>;

/** Handles a machine's report of all its current faults: a fault that it does not list is cleared. */
export async function handleFaultReport(
  report: FaultReport,
  { machines, publish }: Context,
): Promise<void> {
  const { deviceId: machineId, shopId, data: faults, position } = report;
  if ((await machines.get(machineId)) === undefined) return;
  const { outcome } = await machines.decide(machineId, (current) => {
    if (current === undefined) throw notFound('machine');
    return applyFaultReport(current, faults, position);
  });
  for (const { slot, productId, fault } of outcome) {
    await publish(SlotFaulted, { machineId, shopId, slot, productId, fault });
  }
}
