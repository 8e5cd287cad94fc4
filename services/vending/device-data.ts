import type { EventData } from '#kit/messages/contract';
import type { DeviceDataReceived } from '#contracts/iot-gateway';
import type { Context } from './definition';
import { handleFaultReport } from './machine/device-faults';
import { recordCashSale } from './vend/cash-sale';

/** Handles the device data that concerns a machine: its faults, and sales from one of its slots. */
export async function handleDeviceData(
  event: EventData<typeof DeviceDataReceived>,
  context: Context,
) {
  if (event.dataType === 'faults') await handleFaultReport(event, context);
  if (event.dataType === 'sale' && event.data.slot !== undefined) {
    await recordCashSale(event, event.data.slot, context);
  }
}
