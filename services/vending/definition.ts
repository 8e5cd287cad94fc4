import { z } from 'zod';
import { methods } from '#kit/service/definition';
import { type ContextOf, Service } from '#kit/service/service';
import {
  PlaceVend,
  SlotFaulted,
  StockMissing,
  VendCancelled,
  VendCompleted,
  VendUnpaid,
} from '#contracts/vending';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { IotGatewayService } from '#proto/retail/iot/v1/iot_gateway_pb';
import { PaymentService } from '#proto/retail/payment/v1/payment_pb';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { VendingService } from '#proto/retail/vending/v1/vending_pb';
import { Machine } from './machine/machine';
import { AUTHORIZE_MS } from './timeouts';
import { Vend } from './vend/vend';

/**
 * Vending machines and their sales. `runVend` sells without cash up to the command to dispense, and
 * `handleDispenseResult` continues when the machine answers. `recordCashSale` records sales for cash.
 */
export const vending = new Service('vending', {
  serves: VendingService,
  idempotency: { startVend: 'handled-by-service' },
  calls: {
    shop: methods(ShopService, 'getDevice', 'priceOffers'),
    inventory: methods(InventoryService, 'reserve', 'commit', 'release'),
    payment: methods(PaymentService, 'authorize', 'capture', 'void'),
    'iot-gateway': methods(IotGatewayService, 'sendCommand', 'getPresence'),
  },
  callTimeouts: { payment: AUTHORIZE_MS },
  stores: { machines: Machine, vends: Vend },
  /** The machines of each shop; the vends of each buyer and of each machine. */
  lists: ['machines', 'byUser', 'byMachine'],
  publishes: [PlaceVend, VendCompleted, VendCancelled, VendUnpaid, SlotFaulted, StockMissing],
  config: z.object({
    /** Time for a machine to dispense: a buyer who stands at it does not wait longer. */
    DISPENSE_SECONDS: z.coerce.number().int().min(2).max(600).default(30),
  }),
});

export type Context = ContextOf<typeof vending>;
