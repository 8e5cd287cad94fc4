import { z } from 'zod';
import { KeyFile } from '#kit/security/key-file';
import { methods } from '#kit/service/definition';
import { type ContextOf, Service } from '#kit/service/service';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { UserService } from '#proto/retail/user/v1/user_pb';
import { OfferUpdated, SetOffer } from '#contracts/shop';
import { CatalogueEntry, Device, Offer, Shop } from './domain';

/** Shops with their opening hours, offers and devices. */
export const shop = new Service('shop', {
  serves: ShopService,
  calls: {
    product: methods(ProductService, 'priceItems'),
    user: methods(UserService, 'findSellers'),
  },
  // their responses contain a credential, which must not be stored
  idempotency: { registerDevice: 'recompute', renewCredential: 'recompute' },
  stores: { shops: Shop, offers: Offer, catalogue: CatalogueEntry, devices: Device },
  /**
   * `shops`: all shops. `offers`, `withdrawals`: the products that each shop offers or has withdrawn.
   * `devices`: all devices, and those of each shop. `accounts`: the devices with an account at the broker.
   */
  lists: ['shops', 'offers', 'withdrawals', 'devices', 'accounts'],
  publishes: [SetOffer, OfferUpdated],
  config: z.object({
    /** Path of the master key, from which the credentials of devices are derived. */
    DEVICE_KEY_FILE: KeyFile,
  }),
});

export type Context = ContextOf<typeof shop>;
