import { z } from 'zod';
import { KitConfig } from '#kit/core/config';
import type { CallContext } from '#kit/core/call-context';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { type ContextOf, Service } from '#kit/service/service';
import { DeliveryService } from '#proto/retail/delivery/v1/delivery_pb';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { IotGatewayService } from '#proto/retail/iot/v1/iot_gateway_pb';
import { NotificationService } from '#proto/retail/notification/v1/notification_pb';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { PaymentService } from '#proto/retail/payment/v1/payment_pb';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { VendingService } from '#proto/retail/vending/v1/vending_pb';
import { Networks } from './http/client-address';
import { Origins } from './http/cors';
import { StoreUrl } from './rate-limits/shared-counters';
import { TiersFile } from './rate-limits/tiers';

export const gateway = new Service('gateway', {
  calls: {
    user: UserService,
    product: ProductService,
    inventory: InventoryService,
    order: OrderService,
    payment: PaymentService,
    delivery: DeliveryService,
    notification: NotificationService,
    shop: ShopService,
    vending: VendingService,
    'iot-gateway': IotGatewayService,
  },
  // an order and a vend wait for their sagas, and a refund for the payment provider
  callTimeouts: { order: 30_000, vending: 30_000, payment: 15_000 },
  config: KitConfig.pick({ SERVICE_VERSION: true, INSTANCE_ID: true }).extend({
    /** How often somebody may ask, by role. */
    LIMITS_FILE: TiersFile,
    /** The URL of the store in which replicas count together; each by itself without one. */
    LIMITS_STORE: StoreUrl.optional(),
    /** The proxies in front of us: whom these say that they ask for is believed. */
    TRUSTED_PROXIES: Networks,
    /** The sites whose pages may call the edge. */
    CORS_ORIGINS: Origins,
    /** Where the audit log is added to; without it, its lines go into the log. */
    AUDIT_FILE: z.string().optional(),
    // Beyond these, requests are refused with 503: see shedding.ts. Measured by `npm run bench -- edge`
    // with half as much again as two cores can answer (some 1,000 a second): with 1,000 at once those
    // that were answered waited up to 2.1 s (p99), as long as anybody waits; in a run with 500 at once
    // (and 200 ms) up to 0.9 s, and no fewer were answered. Much less would refuse orders while the
    // payment provider is slow: 20 a second, each for 10 s. Its lag is a net below that.
    SHED_IN_FLIGHT: z.coerce.number().int().min(1).default(500),
    SHED_LAG_MS: z.coerce.number().min(1).default(500),
  }),
});

export type AppId = keyof typeof gateway.definition.calls;

/** Every app behind the edge. */
export const apps: ReadonlySet<string> = new Set(Object.keys(gateway.definition.calls));

/** Without these no order can be placed. */
export const needed: ReadonlySet<string> = new Set<AppId>([
  'user',
  'product',
  'inventory',
  'order',
  'payment',
  'delivery',
]);

export function openContext(
  runtime: ServiceRuntime,
  callContext: CallContext,
): ContextOf<typeof gateway> {
  // the gateway's host opens what the gateway's definition says
  return runtime.openContext(callContext) as unknown as ContextOf<typeof gateway>;
}
