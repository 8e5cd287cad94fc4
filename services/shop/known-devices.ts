import { toTimestamp } from '#kit/core/timestamps';
import { requireRole } from '#kit/core/caller';
import { notFound } from '#kit/core/errors';
import { Text } from '#kit/core/validation';
import { type Device, mayManage, statusOf } from './domain';
import type { Context } from './definition';
import { shopOf } from './shops';

export const Firmware = Text(1, 64);

/** Throws NOT_FOUND. */
export async function deviceOf(deviceId: string, { devices }: Context): Promise<Device> {
  const device = await devices.get(deviceId);
  if (device === undefined) throw notFound('device');
  return device;
}

/** A device of a shop that the caller may change; another seller's is NOT_FOUND. */
export async function managedDevice(deviceId: string, context: Context): Promise<Device> {
  const { caller } = context;
  requireRole(caller, 'seller', 'admin');
  const device = await deviceOf(deviceId, context);
  if (mayManage(caller, await shopOf(device.shopId, context))) return device;
  throw notFound('device');
}

export function shown(device: Device) {
  const { deviceId, shopId, kind, name, firmwareVersion, lastSeen } = device;
  return {
    ...{ deviceId, shopId, kind, name, status: statusOf(device) },
    ...(firmwareVersion === undefined ? {} : { firmwareVersion }),
    ...(lastSeen === undefined ? {} : { lastSeen: toTimestamp(lastSeen) }),
    registeredAt: toTimestamp(device.registeredAt),
    updatedAt: toTimestamp(device.updatedAt),
  };
}
