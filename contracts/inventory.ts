import { z } from 'zod';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { EntityId, Item, Reason, Time } from '#contracts/fields';

const place = { shopId: EntityId, productId: EntityId };

// What is in one shop's stock of one product changes as one, so the pair is the entity: with either
// id alone, changes of unrelated stocks would wait for one another.
const stockSubject = ({ shopId, productId }: { shopId: string; productId: string }) =>
  `${shopId}:${productId}`;

/** Why a stock was changed: what a seller wrote, or a code. */
const Why = z.string().min(1).max(200);

export const StockUpdated = defineEvent('StockUpdated', {
  type: 'product.stock.updated',
  description: 'What a shop has to sell of a product changed.',
  data: z.object({
    ...place,
    newStock: z.int().nonnegative(),
    previousStock: z.int().nonnegative(),
    change: z.int(),
    reason: Why,
    orderId: EntityId.optional(),
  }),
  subject: stockSubject,
});

export const InventoryReserved = defineEvent('InventoryReserved', {
  type: 'inventory.reserved',
  public: true,
  description: 'All items of an order are held for it.',
  data: z.object({ orderId: EntityId, shopId: EntityId, items: z.array(Item).min(1) }),
  subject: ({ orderId }) => orderId,
});

export const InventoryReleased = defineEvent('InventoryReleased', {
  type: 'inventory.released',
  public: true,
  description: 'What was held for an order is free to sell again.',
  data: z.object({
    orderId: EntityId,
    shopId: EntityId,
    items: z.array(Item).min(1),
    reason: Reason,
  }),
  subject: ({ orderId }) => orderId,
});

export const LowStockAlert = defineEvent('LowStockAlert', {
  type: 'inventory.low-stock',
  description: 'What a shop has to sell of a product fell to its minimum or below.',
  data: z.object({
    ...place,
    currentStock: z.int().nonnegative(),
    minimumStock: z.int().nonnegative(),
  }),
  subject: stockSubject,
});

export const StockDrifted = defineEvent('StockDrifted', {
  type: 'inventory.drifted',
  public: true,
  description: 'A device found that a stock is not what it was thought to be.',
  data: z.object({
    ...place,
    deviceId: EntityId,
    /** It counted, or it told that more pieces went (or were sold) than were free. */
    by: z.enum(['count', 'delta', 'sale']),
    /**
     * Pieces that should have been there when it counted, or that were free to go. Below zero where
     * more went than ever came.
     */
    expected: z.int(),
    found: z.int().nonnegative(),
    /** Whether the stock is that now; otherwise it waits for the next count. */
    corrected: z.boolean(),
    at: Time,
  }),
  subject: stockSubject,
});

export const AdjustStock = defineCommand('AdjustStock', {
  type: 'stock.adjust',
  description: 'Add pieces to a stock, or take them from it.',
  data: z.object({
    ...place,
    adjustmentId: EntityId,
    change: z.int(),
    reason: Why,
    minimumStock: z.int().nonnegative().optional(),
  }),
  subject: stockSubject,
});
