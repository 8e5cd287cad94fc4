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
import { DeviceDataReceived } from '#contracts/iot-gateway';
import { whole } from '#kit/config';
import { type ContextOf, Service } from '#kit/service';
import { adjustStock, carryOut, getStock } from './adjust';
import { DriftPolicy } from './counts';
import { hearDevice } from './devices';
import { Stock } from './domain';
import { commit, release, reserve } from './reserve';
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
    DRIFT_TOLERANCE: whole(0, 1_000_000).default(2),
  }),
});

inventory.serve({ getStock, adjustStock, reserve, release, commit });
inventory.on(AdjustStock, carryOut);
inventory.on(DeviceDataReceived, hearDevice);

export type Context = ContextOf<typeof inventory>;
