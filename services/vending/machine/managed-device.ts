import { requireRole } from '#kit/core/caller';
import { refused } from '#kit/core/errors';
import type { Context } from '../definition';

/** A device that the caller may manage. The shop service refuses sellers of other shops. */
export function managedDevice(deviceId: string, { shop, caller }: Context) {
  requireRole(caller, 'seller', 'admin');
  return shop.getDevice({ deviceId });
}

/** The shop of a vending machine that the caller may manage. Refuses other and retired devices. */
export async function shopOfManagedMachine(machineId: string, context: Context): Promise<string> {
  const { kind, status, shopId } = await managedDevice(machineId, context);
  if (kind !== 'vending_machine') {
    throw refused('no_vending_machine', `the device is a ${kind}, not a vending machine`);
  }
  if (status === 'retired') throw refused('retired', 'the device is retired');
  return shopId;
}
