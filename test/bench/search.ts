import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { localReadStore } from '#kit/adapters/read-store/local';
import { systemClock } from '#kit/core/clock';
import { testbed } from '#kit/testing/testbed';
import { inProject } from '../../scripts/start/project.mjs';
import { search as service } from '../../services/search/service';
import { parseSynonyms } from '../../services/search/synonyms';
import { SeededRandom } from '../tools/seeded-random';
import { figure, table } from './markdown';
import { openLoop } from './open-loop';
import { part } from './part';
import { percentile, poisson } from './statistics';

const PLANS = {
  full: { products: 100_000, seconds: 30 },
  quick: { products: 5_000, seconds: 3 },
} as const;
const PER_SECOND = 50;
const SEED = 20_261_130;
/** Products in a page of their owner. */
const PAGE = 100;

const SearchResult = z.object({
  products: z.int(),
  /** Seconds to build the index from the pages of its owner. */
  filled: z.number(),
  /** Milliseconds of each search from when it was due, and the number that failed. */
  latencies: z.array(z.number()),
  failed: z.int(),
});

const COLOURS =
  'red blue green yellow black white grey orange purple pink brown silver golden beige'.split(' ');
const MATERIALS =
  'cotton leather steel wooden glass ceramic linen woollen plastic bamboo marble copper'.split(' ');
const STYLES =
  'classic modern compact portable wireless foldable waterproof lightweight vintage premium'.split(
    ' ',
  );
const NOUNS = (
  'shirt jacket trousers sweater dress boots sandals sneakers gloves scarf backpack wallet umbrella watch ' +
  'bracelet lamp chair table shelf cabinet sofa mirror carpet curtain pillow blanket towel bottle cup plate bowl ' +
  'knife fork spoon kettle toaster blender oven fridge vacuum heater fan speaker headphones keyboard mouse monitor ' +
  'laptop tablet phone charger cable camera tripod printer router drone bicycle helmet tent stove ' +
  'hammer drill wrench ladder bucket hose shovel planter candle vase clock notebook pencil marker stapler folder ' +
  'puzzle balloon doll kite guitar violin drum piano flute racket football basketball dumbbell'
).split(' ');

/** A catalogue of any size, the same for the same seed. */
function catalogue(count: number) {
  const random = new SeededRandom(SEED, 'catalogue');
  const pick = (words: readonly string[]) => words[random.int(0, words.length - 1)] ?? '';
  return Array.from({ length: count }, (_, index) => {
    const noun = pick(NOUNS);
    const model = `M${random.int(100, 9_999)}`;
    const filler = Array.from({ length: 25 }, () =>
      pick([...COLOURS, ...MATERIALS, ...STYLES].map((word) => `${word}ly`)),
    );
    return {
      productId: `product_${index}`,
      name: `${pick(STYLES)} ${pick(COLOURS)} ${pick(MATERIALS)} ${noun} ${model}`,
      description: `A ${noun} for every day. ${filler.join(' ')}.`,
      category: `Category ${NOUNS.indexOf(noun) % 25}`,
      price: { amount: `${random.int(1, 999)}.00`, currency: 'EUR' },
      availability: 'in_stock',
      createdAt: timestampFromMs(1_700_000_000_000 + index * 1_000),
      updatedAt: timestampFromMs(1_700_000_000_000 + index * 1_000),
    };
  });
}

/** What people type: mostly two or three words; some one word, a beginning or a typing error. */
function texts(count: number): string[] {
  const random = new SeededRandom(SEED, 'texts');
  const pick = (words: readonly string[]) => words[random.int(0, words.length - 1)] ?? '';
  return Array.from({ length: count }, () => {
    const noun = pick(NOUNS);
    const kind = random.next();
    if (kind < 0.5) return `${pick(COLOURS)} ${noun}`;
    if (kind < 0.7) return `${pick(STYLES)} ${pick(MATERIALS)} ${noun}`;
    if (kind < 0.8) return noun;
    if (kind < 0.9) return `${pick(COLOURS)} ${noun.slice(0, Math.max(3, noun.length - 2))}`;
    const at = random.int(1, noun.length - 2);
    return noun.slice(0, at) + noun.slice(at + 1);
  });
}

export const search = part({
  title: 'Search',
  result: SearchResult,
  run: async (effort, log) => {
    const { products, seconds } = PLANS[effort];
    const folder = mkdtempSync(join(tmpdir(), 'search-'));
    const readStore = localReadStore(folder, 'search');
    const all = catalogue(products);
    const synonyms = readFileSync(inProject('deploy', 'synonyms.txt'), 'utf8');
    const bed = testbed(service, {
      readStore,
      config: { SYNONYMS_FILE: parseSynonyms(synonyms) },
      calls: {
        product: {
          exportProducts: ({ page }) => ({
            items: all.slice((page - 1) * PAGE, page * PAGE).map((product) => ({
              product,
              sequence: 1,
              stocks: [{ shopId: 'shop_1', left: 9, sequence: 1 }],
            })),
            total: all.length,
          }),
        },
        shop: { listShops: () => ({ items: [], total: 0 }) },
      },
    });
    try {
      log(`search: index of ${products} products`);
      const begun = systemClock.now();
      await bed.runIntervalTask('rebuild');
      const filled = (systemClock.now() - begun) / 1_000;
      const count = PER_SECOND * seconds;
      const queue = texts(count + 100);
      for (const q of queue.splice(0, 100)) await bed.call('search', { q });
      log(`search: ${PER_SECOND} searches a second for ${seconds} s`);
      const next = async () => {
        await bed.call('search', { q: queue.pop() ?? '' });
      };
      const times = poisson(PER_SECOND, count, new SeededRandom(SEED, 'arrivals'));
      const { latencies, failed } = await openLoop(next, times);
      return { products, filled, latencies, failed };
    } finally {
      await readStore.close();
      rmSync(folder, { recursive: true });
    }
  },
  report: ({ products, filled, latencies, failed }) => [
    `The search service over its default read store with ${products} products, in one process without sidecars:`,
    `${PER_SECOND} searches a second as a Poisson process, for words, beginnings and mistyped words. Each answer has`,
    'a page of 20 products with highlights, and the counts of all matches. The index was built from pages of 100',
    `products in ${figure(filled)} s.`,
    '',
    ...table(
      ['searches', 'failed', 'p50, ms', 'p95, ms', 'p99, ms'],
      [
        [
          ...[String(latencies.length), String(failed)],
          ...[0.5, 0.95, 0.99].map((share) => figure(percentile(latencies, share))),
        ],
      ],
    ),
  ],
  aims: ({ products, latencies, failed }) => {
    const p95 = percentile(latencies, 0.95);
    return [
      {
        aim: `p95 of a search in ${products} products less than 30 ms, none failed`,
        measured: `${figure(p95)} ms, ${failed} failed`,
        met: p95 < 30 && failed === 0,
      },
    ];
  },
});
