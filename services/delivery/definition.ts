import { z } from 'zod';
import { DeliveryService } from '#proto/retail/delivery/v1/delivery_pb';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { DeliveryScheduled, DeliveryStatusUpdated, UpdateDelivery } from '#contracts/delivery';
import { methods } from '#kit/service/definition';
import { type ContextOf, Service } from '#kit/service/service';
import { Delivery } from './domain';

const Country = z.string().regex(/^[A-Z]{2}$/, 'must be an ISO 3166-1 code such as DE');

/** The European Economic Area, Switzerland, the United Kingdom and the United States. */
const DEFAULT_COUNTRIES =
  'AT,BE,BG,CH,CY,CZ,DE,DK,EE,ES,FI,FR,GB,GR,HR,HU,IE,IS,IT,LI,LT,LU,LV,MT,NL,NO,PL,PT,RO,SE,SI,SK,US';

/** Deliveries of orders. An address is stored in the delivery's document only, and never published. */
export const delivery = new Service('delivery', {
  serves: DeliveryService,
  calls: { shop: methods(ShopService, 'mayManage') },
  stores: { deliveries: Delivery },
  publishes: [DeliveryScheduled, DeliveryStatusUpdated, UpdateDelivery],
  config: z.object({
    DELIVERY_HOME: Country.default('DE'),
    DELIVERY_COUNTRIES: z
      .string()
      .default(DEFAULT_COUNTRIES)
      .transform((list) => list.split(',').map((country) => country.trim()))
      .pipe(z.array(Country)),
  }),
});

export type Context = ContextOf<typeof delivery>;
