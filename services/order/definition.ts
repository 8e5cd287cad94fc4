import { methods } from '#kit/service/definition';
import { type ContextOf, Service } from '#kit/service/service';
import {
  CancelOrder,
  OrderCancelled,
  OrderConfirmed,
  OrderCreated,
  OrderStatusUpdated,
  DecideReturn,
  PickupUpdated,
  PlaceOrder,
  ReceiveReturn,
  RequestReturn,
  ReturnUpdated,
  UpdatePickup,
} from '#contracts/order';
import { DeliveryService } from '#proto/retail/delivery/v1/delivery_pb';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { PaymentService } from '#proto/retail/payment/v1/payment_pb';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { Order } from './domain';
import { CHARGE_MS } from './timeouts';

/** Orders, and the saga that fulfils or cancels them (see fulfil.ts and compensate.ts). */
export const order = new Service('order', {
  serves: OrderService,
  idempotency: { placeOrder: 'handled-by-service', cancelOrder: 'recompute' },
  calls: {
    shop: methods(ShopService, 'priceOffers', 'mayManage'),
    inventory: methods(InventoryService, 'reserve', 'commit', 'release', 'takeBack'),
    payment: methods(PaymentService, 'charge', 'void', 'refund'),
    delivery: methods(DeliveryService, 'priceDelivery', 'schedule', 'getDelivery', 'cancel'),
  },
  callTimeouts: { payment: CHARGE_MS },
  stores: { orders: Order },
  /** The orders of each user; of each shop, those for pickup that wait and the returns to handle. */
  lists: ['byUser', 'pickups', 'returns'],
  publishes: [
    PlaceOrder,
    CancelOrder,
    OrderCreated,
    OrderConfirmed,
    OrderCancelled,
    OrderStatusUpdated,
    UpdatePickup,
    PickupUpdated,
    RequestReturn,
    ReceiveReturn,
    DecideReturn,
    ReturnUpdated,
  ],
});

export type Context = ContextOf<typeof order>;
