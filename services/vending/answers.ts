import { toTimestamp } from '#kit/core/timestamps';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { z } from 'zod';
import { mayAccess } from '#kit/core/caller';
import { notFound } from '#kit/core/errors';
import { Id, validate } from '#kit/core/validation';
import type {
  GetVendRequest,
  GetVendStoryRequest,
  ListVendsRequest,
  VendSchema,
} from '#proto/retail/vending/v1/vending_pb';
import type { Vend } from './domain';
import { managedDevice } from './machines';
import { VendsRequest } from './requests';
import type { Context } from './definition';

export async function getVend(request: GetVendRequest, context: Context) {
  return toMessage(await asked(request, context));
}

export async function listVends(request: ListVendsRequest, context: Context) {
  const { page, limit, machineId } = validate(VendsRequest, request);
  const { vends, lists, caller } = context;
  if (machineId !== undefined) await managedDevice(machineId, context);
  const { items: ids, total } =
    machineId === undefined
      ? await lists.byUser.page(caller.userId, page, limit)
      : await lists.byMachine.page(machineId, page, limit);
  const found = await Promise.all(ids.map((id) => vends.get(id)));
  const items = found.filter((vend) => vend !== undefined).map(toMessage);
  return { items, page, limit, total };
}

/** Of a vend under way, what is known: the rest comes with its end. */
export async function getVendStory(request: GetVendStoryRequest, context: Context) {
  const { vendId, story } = await asked(request, context);
  return {
    vendId,
    steps: story.steps.map((step) => ({ ...step, at: toTimestamp(step.at) })),
    events: story.events.map((event) => ({ ...event, at: toTimestamp(event.at) })),
  };
}

async function asked(request: { vendId: string }, context: Context): Promise<Vend> {
  const { vends, caller } = context;
  const { vendId } = validate(z.object({ vendId: Id }), request);
  const vend = await vends.get(vendId);
  if (vend === undefined) throw notFound('vend');
  if (mayAccess(caller, vend.userId)) return vend;
  if (caller.role !== 'seller') throw notFound('vend');
  // the shop refuses who does not sell there
  await managedDevice(vend.machineId, context);
  return vend;
}

export function toMessage(vend: Vend): MessageInitShape<typeof VendSchema> {
  const { vendId, machineId, shopId, slot, productId, quantity, channel, status } = vend;
  const { price, reason, userId, createdAt, updatedAt } = vend;
  return {
    ...{ vendId, machineId, shopId, slot, productId, quantity, channel, status },
    ...(price === undefined ? {} : { price }),
    ...(reason === undefined ? {} : { reason }),
    ...(userId === '' ? {} : { userId }),
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}
