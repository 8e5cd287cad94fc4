import { z } from 'zod';
import { packageFile } from '#kit/core/config';
import { ReadModel } from '#kit/read-store/read-store';
import { methods } from '#kit/service/definition';
import { type ContextOf, Service } from '#kit/service/service';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { SearchService } from '#proto/retail/search/v1/search_pb';
import { ShopService } from '#proto/retail/shop/v1/shop_pb';
import { KnownShops } from './known-shops';
import { SynonymsFile } from './synonyms';
import type { SearchTables } from './tables';

/** The search over the catalogue, from an index that follows the events of products, stocks and offers. */
export const search = new Service('search', {
  serves: SearchService,
  calls: {
    // to build the index
    product: methods(ProductService, 'exportProducts'),
    // and to know whether a shop sells what it has no offer for
    shop: methods(ShopService, 'exportOffers', 'getShop', 'listShops'),
  },
  readModel: new ReadModel<SearchTables>({
    version: 1,
    migrations: ['services', 'search', 'migrations'],
  }),
  processMemory: { knownShops: (clock) => new KnownShops(clock) },
  config: z.object({
    /** The file of expressions that mean the same: see synonyms.ts. */
    SYNONYMS_FILE: SynonymsFile.prefault(() => packageFile('deploy', 'synonyms.txt')),
  }),
});

export type Context = ContextOf<typeof search>;
