import { z } from 'zod';
import { type ContextOf, Service } from '#kit/service/service';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { DeviceKeyFile } from './device-key';
import { Device, Offer, Shop } from './domain';

/** Shops: when they are open, what they sell and at what price; and the devices in them. */
export const shop = new Service('shop', {
  serves: ShopService,
  calls: { product: ProductService },
  // their answers hold a credential, and are not kept
  idempotency: { registerDevice: 'recompute', renewCredential: 'recompute' },
  stores: { shops: Shop, offers: Offer, devices: Device },
  /** All shops; the products of each; all devices, and those of each shop; those with an account. */
  lists: ['shops', 'offers', 'devices', 'accounts'],
  config: z.object({
    /** The master key, from which the credentials of devices follow. */
    DEVICE_KEY_FILE: DeviceKeyFile,
  }),
});

export type Context = ContextOf<typeof shop>;
