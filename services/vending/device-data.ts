import type { EventData } from '#kit/messages/contract';
import type { DeviceDataReceived } from '#contracts/iot-gateway';
import { sold } from './sold';
import { faultsTold } from './faults';
import type { Context } from './definition';

/** Of what devices tell, what is about a machine: a sale out of a slot, and what is wrong with it. */
export async function deviceData(told: EventData<typeof DeviceDataReceived>, context: Context) {
  if (told.dataType === 'faults') await faultsTold(told, context);
  if (told.dataType === 'sale' && told.data.slot !== undefined) {
    await sold(told, told.data.slot, context);
  }
}
