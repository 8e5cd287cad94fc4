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
import type { Context } from './definition';
import type { Refusal, Stock, StockDecision, StockId } from './domain';
import * as holds from './holds';
import { OrderRequest, ReleaseRequest } from './requests';

/** Reserves all items of an order, or none. */
export async function reserve(request: ReserveRequest, context: Context) {
  requireRole(context.caller, 'service');
  const { orderId, shopId, items } = validate(OrderRequest, request);
  for (const [index, { productId, quantity }] of items.entries()) {
    const reason = { reason: 'reserved', orderId };
    const { refusal, committed } = await changeForOrder(
      context,
      { shopId, productId },
      reason,
      (stock) => holds.hold(stock, { orderId, quantity }),
    );
    if (committed) return { outcome: ReserveOutcome.RESERVED };
    if (refusal !== undefined) {
      for (const earlier of items.slice(0, index)) {
        await undoHold(context, { shopId, productId: earlier.productId }, orderId, refusal);
      }
      return { outcome: ReserveOutcome.REFUSED, ...refusal };
    }
  }
  await context.publish(InventoryReserved, { orderId, shopId, items }, 'reserved');
  return { outcome: ReserveOutcome.RESERVED };
}

async function undoHold(context: Context, id: StockId, orderId: string, refusal: Refusal) {
  await releaseForOrder(context, id, orderId, (stock) =>
    holds.releaseAsRefused(stock, orderId, refusal),
  );
}

/**
 * A release is final: from then on the order holds nothing. Two executions may cancel an order
 * concurrently, and the first may crash before it publishes, so both publish the same event.
 */
function releaseForOrder(
  context: Context,
  id: StockId,
  orderId: string,
  decide: (stock: Stock) => StockDecision,
) {
  const deduplication = { dedupKey: `released ${orderId}`, final: true };
  return changeStock(context, id, { reason: 'released', orderId }, deduplication, decide);
}

/** A change that happens once for an order, but is not final: a later change may have undone it. */
function changeForOrder(
  context: Context,
  id: StockId,
  reason: { reason: string; orderId: string },
  decide: (stock: Stock) => StockDecision,
) {
  const deduplication = { dedupKey: `${reason.reason} ${reason.orderId}`, final: false };
  return changeStock(context, id, reason, deduplication, decide);
}

/** Releases the items that an order holds; those of a confirmed order return to stock. */
export async function release(request: ReleaseMessage, context: Context) {
  requireRole(context.caller, 'service');
  const { orderId, shopId, confirmed, reason, ...order } = validate(ReleaseRequest, request);
  const items = [];
  for (const { productId, quantity } of order.items) {
    const { back } = await releaseForOrder(context, { shopId, productId }, orderId, (stock) =>
      holds.release(stock, { orderId, quantity }, confirmed),
    );
    if (back !== undefined && back > 0) items.push({ productId, quantity: back });
  }
  if (items.length > 0) {
    await context.publish(InventoryReleased, { orderId, shopId, items, reason }, 'released');
  }
  return {};
}

/** Marks the items that an order holds as sold. */
export async function commit(request: CommitRequest, context: Context) {
  requireRole(context.caller, 'service');
  const { orderId, shopId, items } = validate(OrderRequest, request);
  let outcome = CommitOutcome.COMMITTED;
  for (const { productId, quantity } of items) {
    const reason = { reason: 'sold', orderId };
    const { refusal } = await changeForOrder(context, { shopId, productId }, reason, (stock) =>
      holds.commit(stock, { orderId, quantity }),
    );
    if (refusal !== undefined) outcome = CommitOutcome.RELEASED;
  }
  return { outcome };
}
