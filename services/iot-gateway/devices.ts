import { Code, MicroserviceError } from '#kit/errors';
import type { DeviceIdentity } from '#proto/retail/shop/v1/shop_pb';
import type { Context } from './service';

const BELIEVED_MS = 30_000;
/** A made-up device costs no more than a place here. */
export const MOST_DEVICES = 20_000;

/**
 * Which device this is, as its shop knows it; undefined where nobody knows it. Believed for 30 s,
 * that there is none as well: so late is it seen here that a device was retired.
 */
export async function identified(
  deviceId: string,
  { shop, identities, clock, caller }: Context,
): Promise<DeviceIdentity | undefined> {
  const key = `${caller.tenantId}/${deviceId}`;
  const known = identities.get(key, clock.now());
  if (known !== undefined) return known.device;
  const device = await shop.identifyDevice({ deviceId }).catch((error: unknown) => {
    if (error instanceof MicroserviceError && error.code === Code.NOT_FOUND) return undefined;
    throw error;
  });
  identities.set(key, { device }, clock.now() + BELIEVED_MS);
  return device;
}
