import { toTimestamp } from '#kit/core/timestamps';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { notFound } from '#kit/core/errors';
import { validate } from '#kit/core/validation';
import type {
  GetMachineRequest,
  ListMachinesRequest,
  MachineSchema,
} from '#proto/retail/vending/v1/vending_pb';
import type { Context } from '../definition';
import type { Machine } from './machine';
import { MachineRequest, MachinesRequest } from './requests';

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

export function toMessage(machine: Machine): MessageInitShape<typeof MachineSchema> {
  const { machineId, shopId, updatedAt } = machine;
  const slots = machine.slots.map(({ slot, productId, capacity, quantity, price, fault }) => ({
    slot,
    productId,
    capacity,
    quantity,
    ...(price === undefined ? {} : { price }),
    ...(fault === undefined ? {} : { fault: fault.code }),
  }));
  return { machineId, shopId, slots, updatedAt: toTimestamp(updatedAt) };
}
