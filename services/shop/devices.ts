import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, invalid, notFound } from '#kit/core/errors';
import { Id, PageRequest, Text, validate } from '#kit/core/validation';
import type {
  GetDeviceRequest,
  ListDevicesRequest,
  RegisterDeviceRequest,
  RetireDeviceRequest,
  UpdateDeviceRequest,
} from '#proto/retail/shop/v1/shop_pb';
import { withCredential } from './credentials';
import { DEVICE_KINDS, assertInUse, assertManager, changed } from './domain';
import { Firmware, deviceOf, managedDevice, shown } from './known-devices';
import type { Context } from './definition';
import { shopOf } from './shops';

const ALL = 'all';
/** No shop's id has a colon. */
const ofShop = (shopId: string) => `shop:${shopId}`;

const Named = z.object({ deviceId: Id });
const Wanted = z.object({
  shopId: Id,
  kind: z.enum(DEVICE_KINDS),
  name: Text(1, 200),
  firmwareVersion: Firmware.optional(),
});
const Revision = Wanted.omit({ kind: true }).partial().extend(Named.shape);

/**
 * Registers a device, and tells its credential. Asked again under the same Idempotency-Key it is
 * the same device, with the credential that it has by then.
 */
export async function registerDevice(request: RegisterDeviceRequest, context: Context) {
  const { devices, lists, newId, clock, caller, callContext } = context;
  const asked = validate(Wanted.extend({ deviceId: Id.optional() }), request);
  const { deviceId = newId('device'), ...wanted } = asked;
  assertManager(caller, await shopOf(wanted.shopId, context));
  const known = await devices.get(deviceId);
  if (known === undefined) {
    // listed first: what can be used can be found and retired
    await lists.devices.add(ALL, deviceId);
    await lists.devices.add(ofShop(wanted.shopId), deviceId);
    await lists.accounts.add(ALL, deviceId);
  }
  const at = isoTime(clock);
  const device = await devices.update(deviceId, (now) => {
    const credentials = [{ version: 1, madeBy: callContext.id }];
    const registered = { registeredBy: callContext.id, registeredAt: at, updatedAt: at };
    return now ?? { deviceId, ...wanted, credentials, ...registered };
  });
  if (device.registeredBy !== callContext.id) {
    throw new MicroserviceError('a device with this id exists', Code.ALREADY_EXISTS);
  }
  return withCredential(device, context);
}

export async function updateDevice(request: UpdateDeviceRequest, context: Context) {
  const { devices, lists, clock, caller } = context;
  const { deviceId, ...revision } = validate(Revision, request);
  const known = await managedDevice(deviceId, context);
  const to = revision.shopId ?? known.shopId;
  if (to !== known.shopId) {
    assertManager(caller, await shopOf(to, context));
    await lists.devices.add(ofShop(to), deviceId);
  }
  const { document: device, outcome: from } = await devices.decide(deviceId, (now) => {
    if (now === undefined) throw notFound('device');
    assertInUse(now);
    return { document: changed(now, revision, isoTime(clock)), outcome: now.shopId };
  });
  if (from !== to) await relist(deviceId, [from, to], context);
  return shown(device);
}

/** Takes a device that was moved off the lists of shops that it is not in any more. */
async function relist(deviceId: string, shopIds: readonly string[], context: Context) {
  const { lists } = context;
  const { shopId } = await deviceOf(deviceId, context);
  for (const left of shopIds.filter((id) => id !== shopId)) {
    await lists.devices.remove(ofShop(left), deviceId);
  }
  // a later move may have brought it back meanwhile
  const now = await deviceOf(deviceId, context);
  await lists.devices.add(ofShop(now.shopId), deviceId);
}

export async function retireDevice(request: RetireDeviceRequest, context: Context) {
  const { devices, lists, clock } = context;
  const { deviceId } = validate(Named, request);
  await managedDevice(deviceId, context);
  const at = isoTime(clock);
  const device = await devices.update(deviceId, (now) => {
    if (now === undefined) throw notFound('device');
    return now.retiredAt === undefined ? { ...now, retiredAt: at, updatedAt: at } : now;
  });
  await lists.accounts.remove(ALL, deviceId);
  return shown(device);
}

export async function getDevice(request: GetDeviceRequest, context: Context) {
  const { deviceId } = validate(Named, request);
  const { caller } = context;
  if (caller.role === 'service') return shown(await deviceOf(deviceId, context));
  return shown(await managedDevice(deviceId, context));
}

export async function listDevices(request: ListDevicesRequest, context: Context) {
  const { devices, lists, caller } = context;
  requireRole(caller, 'seller', 'admin', 'service');
  const { shopId, page, limit } = validate(PageRequest.extend({ shopId: Id.optional() }), request);
  if (shopId !== undefined && caller.role !== 'service') {
    assertManager(caller, await shopOf(shopId, context));
  }
  if (shopId === undefined && caller.role === 'seller') {
    throw invalid('shopId', 'must be given: the devices of all shops are for admins');
  }
  const owner = shopId === undefined ? ALL : ofShop(shopId);
  const { items: ids, total } = await lists.devices.page(owner, page, limit);
  const found = await Promise.all(ids.map((id) => devices.get(id)));
  const items = found
    .filter((device) => device !== undefined)
    .filter((device) => shopId === undefined || device.shopId === shopId);
  return { items: items.map(shown), page, limit, total };
}
