import { toTimestamp } from '#kit/core/timestamps';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { z } from 'zod';
import { accountOf, mayAccess } from '#kit/core/caller';
import { notFound } from '#kit/core/errors';
import { Id, validate } from '#kit/core/validation';
import type {
  GetVendRequest,
  GetVendStoryRequest,
  ListVendsRequest,
  VendSchema,
} from '#proto/retail/vending/v1/vending_pb';
import type { Context } from '../definition';
import { managedDevice } from '../machine/managed-device';
import { VendsRequest } from './requests';
import type { Vend } from './vend';

export async function getVend(request: GetVendRequest, context: Context) {
  return toMessage(await visibleVend(request, context));
}

export async function listVends(request: ListVendsRequest, context: Context) {
  const { page, limit, machineId } = validate(VendsRequest, request);
  const { vends, lists, caller } = context;
  if (machineId !== undefined) await managedDevice(machineId, context);
  const { items: ids, total } =
    machineId === undefined
      ? await lists.byUser.page(accountOf(caller), page, limit)
      : await lists.byMachine.page(machineId, page, limit);
  const found = await Promise.all(ids.map((id) => vends.get(id)));
  const items = found.filter((vend) => vend !== undefined).map(toMessage);
  return { items, page, limit, total };
}

/** The saga log. While the vend runs, it has the steps that are stored so far. */
export async function getVendStory(request: GetVendStoryRequest, context: Context) {
  const { vendId, story } = await visibleVend(request, context);
  return {
    vendId,
    steps: story.steps.map((step) => ({ ...step, at: toTimestamp(step.at) })),
    events: story.events.map((event) => ({ ...event, at: toTimestamp(event.at) })),
  };
}

/** The vend, if the caller is its buyer, an admin, or a seller of its machine's shop; else NOT_FOUND. */
async function visibleVend(request: { vendId: string }, context: Context): Promise<Vend> {
  const { vends, caller } = context;
  const { vendId } = validate(z.object({ vendId: Id }), request);
  const vend = await vends.get(vendId);
  if (vend === undefined) throw notFound('vend');
  if (mayAccess(caller, vend.userId)) return vend;
  if (caller.role !== 'seller') throw notFound('vend');
  // the shop service refuses sellers of other shops
  await managedDevice(vend.machineId, context);
  return vend;
}

export function toMessage(vend: Vend): MessageInitShape<typeof VendSchema> {
  const { vendId, machineId, shopId, slot, productId, quantity, channel, status } = vend;
  const { price, reason, userId, createdAt, updatedAt } = vend;
  return {
    vendId,
    machineId,
    shopId,
    slot,
    productId,
    quantity,
    channel,
    status,
    ...(price === undefined ? {} : { price }),
    ...(reason === undefined ? {} : { reason }),
    ...(userId === '' ? {} : { userId }),
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}
