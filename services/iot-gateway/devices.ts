import { requireRole } from '#kit/core/caller';
import { Code, MicroserviceError, notFound } from '#kit/core/errors';
import { setFor } from '#kit/core/ttl-cache';
import type { DeviceIdentity } from '#proto/retail/shop/v1/shop_pb';
import type { Context } from './definition';

const BELIEVED_MS = 30_000;
/** A made-up device costs no more than a place here. */
export const MOST_DEVICES = 20_000;

/**
 * Which device this is, as its shop knows it; undefined where nobody knows it. Believed for 30 s,
 * that there is none as well: so late is it seen here that a device was retired.
 */
export async function identified(
  deviceId: string,
  { shop, identities, caller }: Context,
): Promise<DeviceIdentity | undefined> {
  const key = `${caller.tenantId}/${deviceId}`;
  const known = identities.get(key);
  if (known !== undefined) return known.device;
  const device = await shop.identifyDevice({ deviceId }).catch((error: unknown) => {
    if (error instanceof MicroserviceError && error.code === Code.NOT_FOUND) return undefined;
    throw error;
  });
  setFor(identities, key, { device }, BELIEVED_MS);
  return device;
}

/**
 * The device, if whoever asks may see it: a service, an admin, or a seller of its shop, as the shop
 * says. Throws PERMISSION_DENIED or NOT_FOUND.
 */
export async function manageable(deviceId: string, context: Context): Promise<DeviceIdentity> {
  const { caller, shop } = context;
  requireRole(caller, 'seller', 'admin', 'service');
  if (caller.role === 'seller') await shop.getDevice({ deviceId });
  const device = await identified(deviceId, context.forTenant(caller.tenantId));
  if (device === undefined) throw notFound('device');
  return device;
}
