import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Code, MicroserviceError } from '#kit/core/errors';
import type { ReadStore } from '#kit/read-store/read-store';
import { testbed } from '#kit/testing/testbed';
import { search } from '../service';
import { parseSynonyms } from '../synonyms';

const SYNONYMS = join(__dirname, '..', '..', '..', 'deploy', 'synonyms.txt');

/** The service over a database, with shops that exist and an empty catalogue to build the index from. */
export function searchBed(readStore: ReadStore) {
  return testbed(search, {
    readStore,
    config: { SYNONYMS_FILE: parseSynonyms(readFileSync(SYNONYMS, 'utf8')) },
    calls: {
      product: { exportProducts: () => ({ items: [], total: 0 }) },
      shop: {
        listShops: () => ({ items: [], total: 0 }),
        exportOffers: () => ({ items: [], total: 0 }),
        getShop: ({ shopId }) => {
          if (shopId === 'unknown') throw new MicroserviceError('shop not found', Code.NOT_FOUND);
          return { shopId, policies: { sellsCatalogue: shopId !== 'boutique' } };
        },
      },
    },
  });
}
export type SearchBed = ReturnType<typeof searchBed>;
