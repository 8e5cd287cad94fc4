import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import {
  AdjustStock,
  InventoryReleased,
  InventoryReserved,
  LowStockAlert,
  StockUpdated,
} from '#contracts/inventory';
import { type ContextOf, Service } from '#kit/service';
import { adjustStock, carryOut, getStock } from './adjust';
import { Stock } from './domain';
import { commit, release, reserve } from './reserve';

/** What each shop has of each product, and what of it is held for orders. */
export const inventory = new Service('inventory', {
  serves: InventoryService,
  stores: { stocks: Stock },
  publishes: [AdjustStock, StockUpdated, InventoryReserved, InventoryReleased, LowStockAlert],
});

inventory.serve({ getStock, adjustStock, reserve, release, commit });
inventory.on(AdjustStock, carryOut);

export type Context = ContextOf<typeof inventory>;
