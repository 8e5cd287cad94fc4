import { z } from 'zod';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { EntityId, Item, Reason, Time } from '#contracts/fields';

const stockKey = { shopId: EntityId, productId: EntityId };

// The entity is the stock of one product in one shop. With either id alone as the subject, changes of
// unrelated stocks would wait for each other.
const stockSubject = ({ shopId, productId }: { shopId: string; productId: string }) =>
  `${shopId}:${productId}`;

/** Why a stock changed: a seller's text or a code. */
const ChangeReason = z.string().min(1).max(200);

export const StockUpdated = defineEvent('StockUpdated', {
  type: 'product.stock.updated',
  description: 'The available stock of a product in a shop changed.',
  data: z.object({
    ...stockKey,
    newStock: z.int().nonnegative(),
    previousStock: z.int().nonnegative(),
    change: z.int(),
    reason: ChangeReason,
    orderId: EntityId.optional(),
  }),
  subject: stockSubject,
});

export const InventoryReserved = defineEvent('InventoryReserved', {
  type: 'inventory.reserved',
  public: true,
  description: 'All items of an order were reserved.',
  data: z.object({ orderId: EntityId, shopId: EntityId, items: z.array(Item).min(1) }),
  subject: ({ orderId }) => orderId,
});

export const InventoryReleased = defineEvent('InventoryReleased', {
  type: 'inventory.released',
  public: true,
  description: 'The reserved items of an order were released for sale.',
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
  description: 'The available stock of a product in a shop fell to its minimum or below.',
  data: z.object({
    ...stockKey,
    currentStock: z.int().nonnegative(),
    minimumStock: z.int().nonnegative(),
  }),
  subject: stockSubject,
});

export const StockDrifted = defineEvent('StockDrifted', {
  type: 'inventory.drifted',
  public: true,
  description: 'A device reported a stock that differs from the recorded one.',
  data: z.object({
    ...stockKey,
    deviceId: EntityId,
    /** `count`: it counted. `delta`, `sale`: it reported more pieces removed or sold than available. */
    by: z.enum(['count', 'delta', 'sale']),
    /**
     * The recorded pieces when it counted, or the available pieces otherwise. Negative when more pieces
     * were removed than added.
     */
    expected: z.int(),
    found: z.int().nonnegative(),
    /** Whether the recorded stock was corrected. If not, the next count corrects it. */
    corrected: z.boolean(),
    at: Time,
  }),
  subject: stockSubject,
});

export const ReportRefused = defineEvent('ReportRefused', {
  type: 'inventory.report.refused',
  description:
    'A device reported on a product or a shop that does not exist. The report is kept as a dead letter, to be replayed when it does.',
  data: z.object({
    ...stockKey,
    deviceId: EntityId,
    reason: z.enum(['product_not_found', 'shop_not_found']),
    at: Time,
  }),
  subject: stockSubject,
});

export const AdjustStock = defineCommand('AdjustStock', {
  type: 'stock.adjust',
  expires: true,
  description: 'Add pieces to a stock or remove them.',
  data: z.object({
    ...stockKey,
    adjustmentId: EntityId,
    change: z.int(),
    reason: ChangeReason,
    minimumStock: z.int().nonnegative().optional(),
  }),
  subject: stockSubject,
});
