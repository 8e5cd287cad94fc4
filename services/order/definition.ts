import { methods } from '#kit/service/definition';
import { type ContextOf, Service } from '#kit/service/service';
import {
  CancelOrder,
  OrderCancelled,
  OrderConfirmed,
  OrderCreated,
  OrderStatusUpdated,
  PlaceOrder,
} from '#contracts/order';
import { DeliveryService } from '#proto/retail/delivery/v1/delivery_pb';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { PaymentService } from '#proto/retail/payment/v1/payment_pb';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { Order } from './domain';
import { CHARGE_MS } from './timeouts';

/** Orders, and the saga that fulfils or cancels them (see fulfil.ts and compensate.ts). */
export const order = new Service('order', {
  serves: OrderService,
  idempotency: { placeOrder: 'handled-by-service', cancelOrder: 'recompute' },
  calls: {
    product: methods(ProductService, 'priceItems'),
    inventory: methods(InventoryService, 'reserve', 'commit', 'release'),
    payment: methods(PaymentService, 'charge', 'void', 'refund'),
    delivery: methods(DeliveryService, 'schedule', 'getDelivery', 'cancel'),
  },
  callTimeouts: { payment: CHARGE_MS },
  stores: { orders: Order },
  lists: ['byUser'],
  publishes: [
    PlaceOrder,
    CancelOrder,
    OrderCreated,
    OrderConfirmed,
    OrderCancelled,
    OrderStatusUpdated,
  ],
});

export type Context = ContextOf<typeof order>;
