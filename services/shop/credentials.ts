import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { notFound } from '#kit/core/errors';
import { Id, validate } from '#kit/core/validation';
import type { IdentifyDeviceRequest, RenewCredentialRequest } from '#proto/retail/shop/v1/shop_pb';
import { credentialOf } from './device-key';
import { type Device, assertInUse, goodVersions, renewed } from './domain';
import { deviceOf, managedDevice, shown } from './known-devices';
import type { Context } from './definition';

const Renewal = z.object({ deviceId: Id, atOnce: z.boolean() });

/** Makes another credential, and tells it. Asked again under the same Idempotency-Key it is that one. */
export async function renewCredential(request: RenewCredentialRequest, context: Context) {
  const { devices, clock, callContext } = context;
  const { deviceId, atOnce } = validate(Renewal, request);
  await managedDevice(deviceId, context);
  const device = await devices.update(deviceId, (now) => {
    if (now === undefined) throw notFound('device');
    return renewed(now, callContext.id, atOnce, clock.now());
  });
  return withCredential(device, context);
}

/** Where a device is, and by which keys its messages are its own; for services. */
export async function identifyDevice(request: IdentifyDeviceRequest, context: Context) {
  const { clock, caller, config } = context;
  requireRole(caller, 'service');
  const device = await deviceOf(validate(z.object({ deviceId: Id }), request).deviceId, context);
  const { deviceId, shopId, kind } = device;
  const retired = device.retiredAt !== undefined;
  const versions = retired ? [] : goodVersions(device, clock.now());
  const keys = versions.map((version) =>
    credentialOf(config.DEVICE_KEY_FILE, caller.tenantId, deviceId, version),
  );
  return { deviceId, shopId, kind, retired, keys };
}

/** A device with the newest of its credentials. */
export function withCredential(device: Device, { caller, config }: Context) {
  assertInUse(device);
  const { deviceId } = device;
  const version = device.credentials[0]?.version ?? 0;
  return {
    device: shown(device),
    userName: userName(caller.tenantId, deviceId, version),
    credential: credentialOf(config.DEVICE_KEY_FILE, caller.tenantId, deviceId, version),
  };
}

export function userName(tenantId: string, deviceId: string, version: number): string {
  return `${tenantId}/${deviceId}/${String(version)}`;
}
