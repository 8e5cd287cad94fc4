import type { Context } from '../definition';
import { disableSlot } from '../machine/device-faults';
import { isCancelledUndispensed } from './transitions';
import type { Vend } from './vend';

/** Disables the slot of a vend that was cancelled, unless its machine dispensed after all. */
export async function disableSlotOf(vend: Vend, fault: string, context: Context): Promise<void> {
  if (!isCancelledUndispensed(vend)) return;
  await disableSlot(vend, fault, `${fault} ${vend.vendId}`, context);
}
