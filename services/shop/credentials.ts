import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { notFound } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import { Id, validate } from '#kit/core/validation';
import type { IdentifyDeviceRequest, RenewCredentialRequest } from '#proto/retail/shop/v1/shop_pb';
import { credentialOf } from './device-key';
import { type Device, requireInUse, validVersions, withNewCredential } from './domain';
import { requireDevice, requireManagedDevice, toDeviceMessage } from './device-access';
import type { Context } from './definition';

const Renewal = z.object({ deviceId: Id, atOnce: z.boolean() });

/** Issues a new credential. A repeat under the same Idempotency-Key returns the same one. */
export async function renewCredential(request: RenewCredentialRequest, context: Context) {
  const { devices, clock, callContext, precondition } = context;
  const { deviceId, atOnce } = validate(Renewal, request);
  await requireManagedDevice(deviceId, context);
  const device = await devices.update(deviceId, (now) => {
    if (now === undefined) throw notFound('device');
    // a repetition finds its own credential
    const isDone = now.credentials.some(({ madeBy }) => madeBy === callContext.id);
    if (!isDone) requirePrecondition(precondition, now);
    return withNewCredential(now, callContext.id, atOnce, clock.now());
  });
  return withCredential(device, context);
}

/** Returns the shop of a device and the keys that its messages may be signed with. For services. */
export async function identifyDevice(request: IdentifyDeviceRequest, context: Context) {
  const { clock, caller, config } = context;
  requireRole(caller, 'service');
  const { deviceId } = validate(z.object({ deviceId: Id }), request);
  const device = await requireDevice(deviceId, context);
  const { shopId, kind } = device;
  const retired = device.retiredAt !== undefined;
  const versions = retired ? [] : validVersions(device, clock.now());
  const keys = versions.map((version) =>
    credentialOf(config.DEVICE_KEY_FILE, caller.tenantId, deviceId, version),
  );
  return { deviceId, shopId, kind, retired, keys };
}

/** A device with its newest credential. Throws if the device is retired. */
export function withCredential(device: Device, { caller, config }: Context) {
  requireInUse(device);
  const { deviceId } = device;
  const version = device.credentials[0]?.version ?? 0;
  return {
    device: toDeviceMessage(device),
    userName: userName(caller.tenantId, deviceId, version),
    credential: credentialOf(config.DEVICE_KEY_FILE, caller.tenantId, deviceId, version),
  };
}

/** The name of the broker account of a credential. */
export function userName(tenantId: string, deviceId: string, version: number): string {
  return `${tenantId}/${deviceId}/${String(version)}`;
}
