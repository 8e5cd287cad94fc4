import { requireRole } from '#kit/core/caller';
import { Code, MicroserviceError, notFound } from '#kit/core/errors';
import { setFor } from '#kit/core/ttl-cache';
import type { DeviceIdentity } from '#proto/retail/shop/v1/shop_pb';
import type { Context } from './definition';
import { deviceKey } from './device-key';

const IDENTITY_CACHE_MS = 30_000;

/**
 * The device as the shop service knows it; undefined if it is unknown. Both answers are cached for 30 s,
 * so it takes that long until a retired device is rejected.
 */
export async function identifyDevice(
  deviceId: string,
  { shop, identities, caller }: Context,
): Promise<DeviceIdentity | undefined> {
  const key = deviceKey({ tenantId: caller.tenantId, deviceId });
  const cached = identities.get(key);
  if (cached !== undefined) return cached.device;
  const device = await shop.identifyDevice({ deviceId }).catch((error: unknown) => {
    if (error instanceof MicroserviceError && error.code === Code.NOT_FOUND) return undefined;
    throw error;
  });
  setFor(identities, key, { device }, IDENTITY_CACHE_MS);
  return device;
}

/**
 * A device that the caller may manage: a service, an admin, or a seller of its shop, which the shop
 * service checks. Throws PERMISSION_DENIED or NOT_FOUND.
 */
export async function managedDevice(deviceId: string, context: Context): Promise<DeviceIdentity> {
  const { caller, shop } = context;
  requireRole(caller, 'seller', 'admin', 'service');
  if (caller.role === 'seller') await shop.getDevice({ deviceId });
  const device = await identifyDevice(deviceId, context.forTenant(caller.tenantId));
  if (device === undefined) throw notFound('device');
  return device;
}
