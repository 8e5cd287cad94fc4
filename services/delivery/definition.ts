import { z } from 'zod';
import { DeliveryService } from '#proto/retail/delivery/v1/delivery_pb';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { DeliveryScheduled, DeliveryStatusUpdated, UpdateDelivery } from '#contracts/delivery';
import { methods } from '#kit/service/definition';
import { type ContextOf, Service } from '#kit/service/service';
import { Country } from '#retail/country';
import { Price } from '#retail/money';
import { Delivery, type DeliveryPrices, Quote } from './domain';

/** `EUR=4.90/9.90` for each currency: the price at home and abroad. */
const PRICES = /^([A-Z]{3})=([\d.]+)\/([\d.]+)$/;

const DEFAULT_PRICES =
  'EUR=4.90/9.90,USD=5.90/11.90,GBP=4.50/8.90,CHF=5.50/9.90,SEK=49.00/99.00,DKK=39.00/79.00,NOK=59.00/109.00,PLN=19.90/42.90,CZK=119.00/249.00,HUF=1990/3990,RON=24.90/49.90';

/** The European Economic Area, Switzerland, the United Kingdom and the United States. */
const DEFAULT_COUNTRIES =
  'AT,BE,BG,CH,CY,CZ,DE,DK,EE,ES,FI,FR,GB,GR,HR,HU,IE,IS,IT,LI,LT,LU,LV,MT,NL,NO,PL,PT,RO,SE,SI,SK,US';

/** Deliveries of orders. An address is stored in the delivery's document only, and never published. */
export const delivery = new Service('delivery', {
  serves: DeliveryService,
  calls: { shop: methods(ShopService, 'mayManage') },
  stores: { deliveries: Delivery, quotes: Quote },
  publishes: [DeliveryScheduled, DeliveryStatusUpdated, UpdateDelivery],
  config: z.object({
    DELIVERY_HOME: Country.default('DE'),
    DELIVERY_COUNTRIES: z
      .string()
      .default(DEFAULT_COUNTRIES)
      .transform((list) => list.split(',').map((country) => country.trim()))
      .pipe(z.array(Country)),
    /** Of the carrier, by currency. The first currency is that of a quote without one. */
    DELIVERY_PRICES: z.string().default(DEFAULT_PRICES).transform(pricesByCurrency),
  }),
});

/** Exported for its test. Adds an issue for a malformed entry. */
export function pricesByCurrency(
  text: string,
  issues: z.RefinementCtx,
): ReadonlyMap<string, DeliveryPrices> {
  const prices = new Map<string, DeliveryPrices>();
  for (const entry of text.split(',')) {
    const [, currency = '', ...amounts] = PRICES.exec(entry.trim()) ?? [];
    const [home, abroad] = amounts.map((amount) => Price.safeParse({ amount, currency }).data);
    if (home !== undefined && abroad !== undefined) prices.set(currency, { home, abroad });
    else issues.addIssue({ code: 'custom', message: 'must be prices such as EUR=4.90/9.90' });
  }
  return prices;
}

export type Context = ContextOf<typeof delivery>;
