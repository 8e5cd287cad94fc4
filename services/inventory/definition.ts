import { z } from 'zod';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import {
  AdjustStock,
  InventoryReleased,
  InventoryReserved,
  LowStockAlert,
  StockDrifted,
  StockUpdated,
} from '#contracts/inventory';
import { integerVariable } from '#kit/core/config';
import { type ContextOf, Service } from '#kit/service/service';
import { DriftPolicy } from './counts';
import { Stock } from './domain';
import { Device } from './sequences';

/** What each shop has of each product, and what of it is held for orders. */
export const inventory = new Service('inventory', {
  serves: InventoryService,
  stores: { stocks: Stock, devices: Device },
  publishes: [
    AdjustStock,
    StockUpdated,
    StockDrifted,
    InventoryReserved,
    InventoryReleased,
    LowStockAlert,
  ],
  config: z.object({
    /** When a stock is made what a device counted: see DriftPolicy. */
    DRIFT_POLICY: DriftPolicy.default('agreement'),
    /** Pieces. */
    DRIFT_TOLERANCE: integerVariable(0, 1_000_000).default(2),
  }),
});

export type Context = ContextOf<typeof inventory>;
