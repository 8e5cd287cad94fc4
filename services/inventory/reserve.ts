import {
  CommitOutcome,
  type CommitRequest,
  type ReleaseRequest as ReleaseMessage,
  ReserveOutcome,
  type ReserveRequest,
} from '#proto/retail/inventory/v1/inventory_pb';
import { InventoryReleased, InventoryReserved } from '#contracts/inventory';
import { requireRole } from '#kit/core/caller';
import { validate } from '#kit/core/validation';
import { changeStock } from './change-stock';
import type { Decided, Place, Refusal, Stock } from './domain';
import { giveBack, hold, release as letGo, take } from './holding';
import { OrderRequest, ReleaseRequest } from './requests';
import type { Context } from './definition';

/** Holds all items of an order, or none. */
export async function reserve(request: ReserveRequest, context: Context) {
  requireRole(context.caller, 'service');
  const { orderId, shopId, items } = validate(OrderRequest, request);
  for (const [index, { productId, quantity }] of items.entries()) {
    const why = { reason: 'reserved', orderId };
    const { refusal, committed } = await changeOf(context, { shopId, productId }, why, (stock) =>
      hold(stock, { orderId, quantity }),
    );
    if (committed) return { outcome: ReserveOutcome.RESERVED };
    if (refusal !== undefined) {
      for (const earlier of items.slice(0, index)) {
        await takeBack(context, { shopId, productId: earlier.productId }, orderId, refusal);
      }
      return { outcome: ReserveOutcome.REFUSED, ...refusal };
    }
  }
  await context.publish(InventoryReserved, { orderId, shopId, items }, 'reserved');
  return { outcome: ReserveOutcome.RESERVED };
}

async function takeBack(context: Context, place: Place, orderId: string, refusal: Refusal) {
  await released(context, place, orderId, (stock) => giveBack(stock, orderId, refusal));
}

/**
 * From then on an order has nothing here, whoever wanted it so: two may cancel it at once, and the
 * one that was first may not come to say so.
 */
function released(
  context: Context,
  place: Place,
  orderId: string,
  decide: (stock: Stock) => Decided,
) {
  const once = { fact: `released ${orderId}`, final: true };
  return changeStock(context, place, { reason: 'released', orderId }, once, decide);
}

/** To an order each of these happens once in a stock, but what it has by now may be another thing. */
function changeOf(
  context: Context,
  place: Place,
  why: { reason: string; orderId: string },
  decide: (stock: Stock) => Decided,
) {
  const once = { fact: `${why.reason} ${why.orderId}`, final: false };
  return changeStock(context, place, why, once, decide);
}

/** Gives back what an order holds, and what it had taken if it was confirmed. */
export async function release(request: ReleaseMessage, context: Context) {
  requireRole(context.caller, 'service');
  const { orderId, shopId, confirmed, reason, ...order } = validate(ReleaseRequest, request);
  const items = [];
  for (const { productId, quantity } of order.items) {
    const { back } = await released(context, { shopId, productId }, orderId, (stock) =>
      letGo(stock, { orderId, quantity }, confirmed),
    );
    if (back !== undefined && back > 0) items.push({ productId, quantity: back });
  }
  if (items.length > 0) {
    await context.publish(InventoryReleased, { orderId, shopId, items, reason }, 'released');
  }
  return {};
}

/** Takes what an order holds out of the stock for good. */
export async function commit(request: CommitRequest, context: Context) {
  requireRole(context.caller, 'service');
  const { orderId, shopId, items } = validate(OrderRequest, request);
  let outcome = CommitOutcome.COMMITTED;
  for (const { productId, quantity } of items) {
    const why = { reason: 'sold', orderId };
    const { refusal } = await changeOf(context, { shopId, productId }, why, (stock) =>
      take(stock, { orderId, quantity }),
    );
    if (refusal !== undefined) outcome = CommitOutcome.RELEASED;
  }
  return { outcome };
}
