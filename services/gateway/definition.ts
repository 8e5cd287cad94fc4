import { z } from 'zod';
import type { CallContext } from '#kit/core/call-context';
import { KitConfig } from '#kit/core/config';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { methods } from '#kit/service/definition';
import { type ContextOf, Service } from '#kit/service/service';
import { DeliveryService } from '#proto/retail/delivery/v1/delivery_pb';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { IotGatewayService } from '#proto/retail/iot/v1/iot_gateway_pb';
import { NotificationService } from '#proto/retail/notification/v1/notification_pb';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { PaymentService } from '#proto/retail/payment/v1/payment_pb';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { SearchService } from '#proto/retail/search/v1/search_pb';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { VendingService } from '#proto/retail/vending/v1/vending_pb';
import { Networks } from '#kit/core/client-address';
import { Origins } from './http/cors';
import { StoreUrl } from './rate-limits/shared-counters';
import { TiersFile } from './rate-limits/tiers';

/** The edge. It calls the methods of its routes, and those that authenticate their callers. */
export const gateway = new Service('gateway', {
  calls: {
    user: methods(
      UserService,
      'authenticateApiKey',
      'blockUser',
      'changePassword',
      'changeRole',
      'createApiKey',
      'endSession',
      'endSessions',
      'endUserSessions',
      'getEndedSessions',
      'getKeys',
      'getProfile',
      'getUser',
      'listApiKeys',
      'listSessions',
      'listUsers',
      'login',
      'logout',
      'refresh',
      'register',
      'requestEmailVerification',
      'requestPasswordReset',
      'resetPassword',
      'revokeApiKey',
      'unblockUser',
      'updateProfile',
      'verifyEmail',
    ),
    product: methods(
      ProductService,
      'createProduct',
      'getProduct',
      'getProductOwner',
      'listProducts',
      'setProductOwner',
      'updateProduct',
    ),
    inventory: methods(InventoryService, 'adjustStock', 'getStock', 'setStock'),
    order: methods(
      OrderService,
      'cancelOrder',
      'decideReturn',
      'getOrder',
      'getReturn',
      'getStory',
      'listOrders',
      'listPickups',
      'listReturns',
      'placeOrder',
      'receiveReturn',
      'requestReturn',
      'updatePickup',
      'watchOrder',
    ),
    payment: methods(PaymentService, 'getPayment', 'refund'),
    delivery: methods(DeliveryService, 'createQuote', 'getDelivery', 'updateStatus'),
    notification: methods(
      NotificationService,
      'countUnread',
      'listNotifications',
      'markAllRead',
      'markRead',
    ),
    shop: methods(
      ShopService,
      'createShop',
      'getDevice',
      'getOffer',
      'getShop',
      'listBrokerAccounts',
      'listDevices',
      'listOffers',
      'listShops',
      'registerDevice',
      'removeOffer',
      'renewCredential',
      'retireDevice',
      'setOffer',
      'updateDevice',
      'updateShop',
    ),
    vending: methods(
      VendingService,
      'getMachine',
      'getVend',
      'getVendStory',
      'listMachines',
      'listVends',
      'restock',
      'setPlanogram',
      'startVend',
    ),
    'iot-gateway': methods(
      IotGatewayService,
      'getCommand',
      'getPresence',
      'listRefusals',
      'sendCommand',
    ),
    search: methods(SearchService, 'getIndexStatus', 'search', 'startRebuild', 'suggest'),
  },
  operations: [
    'getStatus',
    'listDeadLetters',
    'getDeadLetter',
    'replayDeadLetter',
    'discardDeadLetter',
    'replayDeadLetters',
    'getParkedEvents',
  ],
  // an order and a vend wait for their sagas, and a refund for the payment provider
  callTimeouts: { order: 30_000, vending: 30_000, payment: 15_000 },
  config: KitConfig.pick({ SERVICE_VERSION: true, INSTANCE_ID: true }).extend({
    /** The file of the rate limits. */
    LIMITS_FILE: TiersFile,
    /** URL of the store in which replicas count together; each counts by itself without one. */
    LIMITS_STORE: StoreUrl.optional(),
    /** Proxies whose X-Forwarded-For is trusted. */
    TRUSTED_PROXIES: Networks,
    /** Origins whose pages may call the API. */
    CORS_ORIGINS: Origins,
    /** The audit log is appended to this file; without one its lines go to the log of the process. */
    AUDIT_FILE: z.string().optional(),
    // Beyond these, requests are refused with 503: see load-shedding/load-shedder.ts. Measured by
    // `npm run bench -- edge` with 1.5 times the load that two cores can handle (about 1,000 requests
    // a second). With 1,000 requests in flight, those that succeeded took up to 2.1 s (p99). With 500
    // (and a lag of 200 ms) they took up to 0.9 s, and no fewer succeeded. A much lower number would
    // refuse orders while the payment provider is slow: 20 orders a second, each for 10 s. The lag is
    // a safety net below that.
    SHED_IN_FLIGHT: z.coerce.number().int().min(1).default(500),
    SHED_LAG_MS: z.coerce.number().min(1).default(500),
  }),
});

export type EdgeConfig = z.output<typeof gateway.definition.config>;

export type AppId = keyof typeof gateway.definition.calls;

/** App ids of the services behind the edge. */
export const apps: ReadonlySet<string> = new Set(Object.keys(gateway.definition.calls));

/** Services that are required to place an order. */
export const requiredApps: ReadonlySet<string> = new Set<AppId>([
  'user',
  'product',
  'inventory',
  'order',
  'payment',
  'delivery',
]);

/** The context of a call, typed by the gateway's definition. */
export function openContext(
  runtime: ServiceRuntime,
  callContext: CallContext,
): ContextOf<typeof gateway> {
  // the runtime of the gateway opens the contexts of the gateway's definition
  return runtime.openContext(callContext) as unknown as ContextOf<typeof gateway>;
}

/** The configuration of the process, typed by the gateway's definition. */
export function configOf(runtime: ServiceRuntime): EdgeConfig {
  // as above: it was parsed by the schema of this definition
  return runtime.config as EdgeConfig;
}
