import { requireRole } from '#kit/core/caller';
import { notFound } from '#kit/core/errors';
import { toTimestamp } from '#kit/core/timestamps';
import { Line } from '#retail/text';
import { type Device, mayManage, statusOf } from './domain';
import type { Context } from './definition';
import { requireShop } from './shops';

export const FirmwareVersion = Line(1, 64);

/** Returns a device. Throws NOT_FOUND. */
export async function requireDevice(deviceId: string, { devices }: Context): Promise<Device> {
  const device = await devices.get(deviceId);
  if (device === undefined) throw notFound('device');
  return device;
}

/**
 * Returns a device of a shop that the caller manages. Throws NOT_FOUND also for a device of another
 * seller, so that its existence is not revealed.
 */
export async function requireManagedDevice(deviceId: string, context: Context): Promise<Device> {
  const { caller } = context;
  requireRole(caller, 'seller', 'admin');
  const device = await requireDevice(deviceId, context);
  if (mayManage(caller, await requireShop(device.shopId, context))) return device;
  throw notFound('device');
}

/** A device as the API returns it. */
export function toDeviceMessage(device: Device) {
  const { deviceId, shopId, kind, name, firmwareVersion, lastSeen } = device;
  return {
    deviceId,
    shopId,
    kind,
    name,
    status: statusOf(device),
    ...(firmwareVersion === undefined ? {} : { firmwareVersion }),
    ...(lastSeen === undefined ? {} : { lastSeen: toTimestamp(lastSeen) }),
    registeredAt: toTimestamp(device.registeredAt),
    updatedAt: toTimestamp(device.updatedAt),
  };
}
