import { z } from 'zod';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import {
  AdjustStock,
  InventoryReleased,
  InventoryReserved,
  LowStockAlert,
  ReportRefused,
  StockDrifted,
  StockUpdated,
} from '#contracts/inventory';
import { integerVariable } from '#kit/core/config';
import { methods } from '#kit/service/definition';
import { type ContextOf, Service } from '#kit/service/service';
import { Device } from './device-sequence';
import { Stock } from './domain';
import { DriftPolicy } from './drift-policy';

/** The stock of each product in each shop, with its reservations for orders and its device reports. */
export const inventory = new Service('inventory', {
  serves: InventoryService,
  calls: { shop: methods(ShopService, 'mayManage') },
  stores: { stocks: Stock, devices: Device },
  publishes: [
    AdjustStock,
    StockUpdated,
    StockDrifted,
    InventoryReserved,
    InventoryReleased,
    LowStockAlert,
    ReportRefused,
  ],
  config: z.object({
    /** When a device's count corrects the stock: see DriftPolicy. */
    DRIFT_POLICY: DriftPolicy.default('agreement'),
    /** In pieces. */
    DRIFT_TOLERANCE: integerVariable(0, 1_000_000).default(2),
  }),
});

export type Context = ContextOf<typeof inventory>;
