import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { invalid, notFound } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import { toTimestamp } from '#kit/core/timestamps';
import { Id, validate } from '#kit/core/validation';
import type {
  GetProductOwnerRequest,
  SetProductOwnerRequest,
} from '#proto/retail/product/v1/product_pb';
import type { Context } from './definition';
import type { Product } from './domain';

const OneProduct = z.object({ productId: Id });
const NewOwner = OneProduct.extend({ ownerId: Id });

/** Makes a seller the owner of a product: also of one without an owner, and of one with another owner. */
export async function setProductOwner(request: SetProductOwnerRequest, context: Context) {
  const { products, caller, user, clock, precondition } = context;
  requireRole(caller, 'admin');
  const { productId, ownerId } = validate(NewOwner, request);
  if ((await products.get(productId)) === undefined) throw notFound('product');
  const { userIds } = await user.findSellers({ ids: [ownerId] });
  if (!userIds.includes(ownerId)) {
    throw invalid('ownerId', 'must be a user with the role seller or admin who is not blocked');
  }
  const product = await products.update(productId, (now) => {
    if (now === undefined) throw notFound('product');
    requirePrecondition(precondition, now);
    return now.ownerId === ownerId ? now : { ...now, ownerId, updatedAt: isoTime(clock) };
  });
  return toMessage(product);
}

export async function getProductOwner(request: GetProductOwnerRequest, context: Context) {
  const { products, caller } = context;
  requireRole(caller, 'admin');
  const product = await products.get(validate(OneProduct, request).productId);
  if (product === undefined) throw notFound('product');
  return toMessage(product);
}

function toMessage({ productId, ownerId = '', updatedAt }: Product) {
  return { productId, ownerId, updatedAt: toTimestamp(updatedAt) };
}
