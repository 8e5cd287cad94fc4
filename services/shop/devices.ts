import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, invalid, notFound } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type {
  GetDeviceRequest,
  ListDevicesRequest,
  RegisterDeviceRequest,
  RetireDeviceRequest,
  UpdateDeviceRequest,
} from '#proto/retail/shop/v1/shop_pb';
import { Line } from '#retail/text';
import { withCredential } from './credentials';
import { DEVICE_KINDS, requireInUse, requireManager, withChanges } from './domain';
import {
  FirmwareVersion,
  requireDevice,
  requireManagedDevice,
  toDeviceMessage,
} from './device-access';
import type { Context } from './definition';
import { requireShop } from './shops';

const ALL = 'all';
/** The list of a shop's devices. It cannot collide with ALL, because of the colon. */
const listOf = (shopId: string) => `shop:${shopId}`;

const DeviceRequest = z.object({ deviceId: Id });
const NewDevice = z.object({
  shopId: Id,
  kind: z.enum(DEVICE_KINDS),
  name: Line(1, 200),
  firmwareVersion: FirmwareVersion.optional(),
});
const DeviceUpdate = NewDevice.omit({ kind: true }).partial().extend(DeviceRequest.shape);

/** The API has /devices/commands/:commandId, so that the paths of such a device would be ambiguous. */
const RESERVED_ID = 'commands';
const NewDeviceId = Id.refine((id) => id !== RESERVED_ID, `must not be ${RESERVED_ID}`);

/**
 * Registers a device and returns its credential. A repeat under the same Idempotency-Key returns the
 * same device with its newest credential.
 */
export async function registerDevice(request: RegisterDeviceRequest, context: Context) {
  const { devices, lists, newId, clock, caller, callContext } = context;
  const registration = validate(NewDevice.extend({ deviceId: NewDeviceId.optional() }), request);
  const { deviceId = newId('device'), ...fields } = registration;
  requireManager(caller, await requireShop(fields.shopId, context));
  const known = await devices.get(deviceId);
  if (known === undefined) {
    // the lists come first: a device that works can always be found and retired
    await lists.devices.add(ALL, deviceId);
    await lists.devices.add(listOf(fields.shopId), deviceId);
    await lists.accounts.add(ALL, deviceId);
  }
  const at = isoTime(clock);
  const device = await devices.update(
    deviceId,
    (now) =>
      now ?? {
        deviceId,
        ...fields,
        credentials: [{ version: 1, madeBy: callContext.id }],
        registeredBy: callContext.id,
        registeredAt: at,
        updatedAt: at,
      },
  );
  if (device.registeredBy !== callContext.id) {
    throw new MicroserviceError('a device with this id already exists', Code.ALREADY_EXISTS);
  }
  return withCredential(device, context);
}

export async function updateDevice(request: UpdateDeviceRequest, context: Context) {
  const { devices, lists, clock, caller, precondition } = context;
  const { deviceId, ...update } = validate(DeviceUpdate, request);
  const known = await requireManagedDevice(deviceId, context);
  const to = update.shopId ?? known.shopId;
  if (to !== known.shopId) {
    requireManager(caller, await requireShop(to, context));
    await lists.devices.add(listOf(to), deviceId);
  }
  const { document: device, outcome: from } = await devices.decide(deviceId, (now) => {
    if (now === undefined) throw notFound('device');
    requirePrecondition(precondition, now);
    requireInUse(now);
    return { document: withChanges(now, update, isoTime(clock)), outcome: now.shopId };
  });
  if (from !== to) await relist(deviceId, [from, to], context);
  return toDeviceMessage(device);
}

/** Removes a moved device from the lists of shops that it has left. */
async function relist(deviceId: string, shopIds: readonly string[], context: Context) {
  const { lists } = context;
  const { shopId } = await requireDevice(deviceId, context);
  for (const left of shopIds.filter((id) => id !== shopId)) {
    await lists.devices.remove(listOf(left), deviceId);
  }
  // a concurrent move may have brought it back to one of these shops
  const now = await requireDevice(deviceId, context);
  await lists.devices.add(listOf(now.shopId), deviceId);
}

/** Retires a device for good: its credentials stop working. Idempotent. */
export async function retireDevice(request: RetireDeviceRequest, context: Context) {
  const { devices, lists, clock, precondition } = context;
  const { deviceId } = validate(DeviceRequest, request);
  await requireManagedDevice(deviceId, context);
  const at = isoTime(clock);
  const device = await devices.update(deviceId, (now) => {
    if (now === undefined) throw notFound('device');
    requirePrecondition(precondition, now);
    return now.retiredAt === undefined ? { ...now, retiredAt: at, updatedAt: at } : now;
  });
  await lists.accounts.remove(ALL, deviceId);
  return toDeviceMessage(device);
}

export async function getDevice(request: GetDeviceRequest, context: Context) {
  const { deviceId } = validate(DeviceRequest, request);
  const { caller } = context;
  if (caller.role === 'service') return toDeviceMessage(await requireDevice(deviceId, context));
  return toDeviceMessage(await requireManagedDevice(deviceId, context));
}

export async function listDevices(request: ListDevicesRequest, context: Context) {
  const { devices, lists, caller } = context;
  requireRole(caller, 'seller', 'admin');
  const { shopId, page, limit } = validate(PageRequest.extend({ shopId: Id.optional() }), request);
  if (shopId !== undefined) requireManager(caller, await requireShop(shopId, context));
  if (shopId === undefined && caller.role === 'seller') {
    throw invalid('shopId', 'is missing: only admins may list the devices of all shops');
  }
  const owner = shopId === undefined ? ALL : listOf(shopId);
  const { items: ids, total } = await lists.devices.page(owner, page, limit);
  const found = await Promise.all(ids.map((id) => devices.get(id)));
  const items = found
    .filter((device) => device !== undefined)
    .filter((device) => shopId === undefined || device.shopId === shopId);
  return { items: items.map(toDeviceMessage), page, limit, total };
}
