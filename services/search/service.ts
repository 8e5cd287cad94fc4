import { StockUpdated } from '#contracts/inventory';
import { ProductCreated, ProductUpdated } from '#contracts/product';
import { OfferUpdated } from '#contracts/shop';
import { search } from './definition';
import { getIndexStatus, rebuild, startRebuild } from './rebuild';
import { recordOffer, recordProduct, recordStock } from './record-events';
import { searchProducts } from './search';
import { suggest } from './suggest';

/** How long the index of a new process, or a rebuild, waits for its next step. */
const REBUILD_MS = 500;
/** Few at a time: a change must be found within a second. */
const BATCHES = { maxEvents: 50, maxWaitMs: 50 };

search.serve({ search: searchProducts, suggest, startRebuild, getIndexStatus });
search.on(ProductCreated, recordProduct, BATCHES);
search.on(ProductUpdated, recordProduct, BATCHES);
search.on(StockUpdated, recordStock, BATCHES);
search.on(OfferUpdated, recordOffer, BATCHES);
search.onInterval('rebuild', REBUILD_MS, rebuild);

export { search };
