import { toTimestamp } from '#kit/core/timestamps';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, invalid, notFound, refused } from '#kit/core/errors';
import { validate } from '#kit/core/validation';
import type {
  GetMachineRequest,
  ListMachinesRequest,
  MachineSchema,
  RestockRequest as RestockMessage,
  SetPlanogramRequest,
} from '#proto/retail/vending/v1/vending_pb';
import { shopPrices } from './prices';
import { MachineRequest, MachinesRequest, PlanogramRequest, RestockRequest } from './requests';
import type { Context } from './definition';
import { type Machine, planned, restocked, slotOf } from './slots';

export async function setPlanogram(request: SetPlanogramRequest, context: Context) {
  const { machines, lists, clock } = context;
  const { machineId, slots } = validate(PlanogramRequest, request);
  const shopId = await shopOfMachine(machineId, context);
  const currency = await currencyOf(shopId, slots, context);
  const at = isoTime(clock);
  const known = await machines.get(machineId);
  // listed first: what sells can be found
  if (known?.shopId !== shopId) await lists.machines.add(shopId, machineId);
  const machine = await machines.update(machineId, (now) =>
    planned(now, { machineId, shopId, currency }, slots, at),
  );
  if (known !== undefined && known.shopId !== shopId) {
    await lists.machines.remove(known.shopId, machineId);
  }
  return toMessage(machine);
}

export async function restock(request: RestockMessage, context: Context) {
  const { machines, clock } = context;
  const { machineId, ...pieces } = validate(RestockRequest, request);
  await shopOfMachine(machineId, context);
  const at = isoTime(clock);
  const machine = await machines.update(machineId, (now) => {
    if (now === undefined) throw notFound('machine');
    if (slotOf(now, pieces.slot) === undefined) throw invalid('slot', 'is no slot of this machine');
    return restocked(now, pieces, at);
  });
  return toMessage(machine);
}

export async function getMachine(request: GetMachineRequest, { machines }: Context) {
  const machine = await machines.get(validate(MachineRequest, request).machineId);
  if (machine === undefined) throw notFound('machine');
  return toMessage(machine);
}

export async function listMachines(request: ListMachinesRequest, { machines, lists }: Context) {
  const { shopId, page, limit } = validate(MachinesRequest, request);
  const { items: ids, total } = await lists.machines.page(shopId, page, limit);
  const found = await Promise.all(ids.map((id) => machines.get(id)));
  const items = found
    .filter((machine) => machine !== undefined)
    .filter((machine) => machine.shopId === shopId);
  return { items: items.map(toMessage), page, limit, total };
}

/** A device, for who may change it: its shop is asked, and refuses who may not. */
export function managedDevice(deviceId: string, { shop, caller }: Context) {
  requireRole(caller, 'seller', 'admin', 'service');
  return shop.getDevice({ deviceId });
}

/** The shop of a machine that the caller may change. */
async function shopOfMachine(machineId: string, context: Context): Promise<string> {
  const { kind, status, shopId } = await managedDevice(machineId, context);
  if (kind !== 'vending_machine') throw refused('no_vending_machine', `the device is a ${kind}`);
  if (status === 'retired') throw refused('retired', 'the device is retired');
  return shopId;
}

/** Of all prices in a machine, since cash is counted in it. Throws INVALID_ARGUMENT by the slot. */
async function currencyOf(
  shopId: string,
  slots: readonly { productId: string; price?: { currency: string } | undefined }[],
  context: Context,
): Promise<string> {
  const productIds = slots.map(({ productId }) => productId);
  const prices = await shopPrices(shopId, productIds, context).catch((error: unknown) => {
    if (!(error instanceof MicroserviceError) || error.code !== Code.NOT_FOUND) throw error;
    const index = productIds.findIndex((id) => id === error.details['productId']);
    throw invalid(index < 0 ? 'slots' : `slots.${index}.productId`, 'is not sold in this shop');
  });
  const [currency, ...others] = new Set(
    slots.map(({ price }, index) => (price ?? prices[index])?.currency),
  );
  if (currency === undefined || others.length > 0) {
    throw invalid('slots', 'must all be priced in one currency');
  }
  return currency;
}

function toMessage(machine: Machine): MessageInitShape<typeof MachineSchema> {
  const { machineId, shopId, updatedAt } = machine;
  const slots = machine.slots.map(({ slot, productId, capacity, quantity, price, fault }) => ({
    ...{ slot, productId, capacity, quantity },
    ...(price === undefined ? {} : { price }),
    ...(fault === undefined ? {} : { fault: fault.code }),
  }));
  return { machineId, shopId, slots, updatedAt: toTimestamp(updatedAt) };
}
