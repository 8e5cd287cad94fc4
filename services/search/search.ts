import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { Kysely } from 'kysely';
import { z } from 'zod';
import { type FieldError, invalid } from '#kit/core/errors';
import { invalidFields } from '#kit/core/schema-errors';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type { TextIndex } from '#kit/read-store/text-index';
import type { SearchRequest } from '#proto/retail/search/v1/search_pb';
import { availabilityOf } from '#retail/availability';
import { Line, comparisonForm } from '#retail/text';
import type { Context } from './definition';
import { type Criteria, MAX_MATCHES, SORTS, findProducts, hasMatch } from './find-products';
import { excerpt, highlighted } from './highlights';
import { PRICE_BOUNDS, thousandths } from './price';
import { MAX_WORDS, type Term, correctionsOf, isTooBroad, termsOf } from './query';
import { relevanceOf } from './relevance';
import type { Synonyms } from './synonyms';
import type { SearchTables } from './tables';

/** Of the matches, this many of the best are ordered by their relevance. */
const WINDOW = 100;
/** No page ends behind this entry. */
const MAX_DEPTH = MAX_MATCHES;

/** A text to search for. Control characters and characters that are not shown are refused. */
export const SearchText = (max: number) => Line(0, max);

const Amount = z
  .string()
  .regex(/^\d{1,12}(\.\d{1,3})?$/, 'must be a decimal such as 19.99')
  .transform(thousandths)
  .optional();

const Request = PageRequest.extend({
  q: SearchText(200),
  category: Line(0, 100),
  minPrice: Amount,
  maxPrice: Amount,
  inStock: z.boolean().optional(),
  shopId: z.union([z.literal(''), Id]),
  sort: z.union([z.literal(''), z.enum(SORTS)]),
});

/** Finds products. */
export async function searchProducts(request: SearchRequest, context: Context) {
  const { readModel, caller, config, shop: shops, knownShops } = context;
  const { q, category, minPrice, maxPrice, inStock, shopId, sort, page, limit } = validate(
    Request,
    request,
  );
  const terms = parsedTerms(q, config.SYNONYMS_FILE);
  const errors = [
    ...check(
      minPrice === undefined || maxPrice === undefined || minPrice <= maxPrice,
      ...(['minPrice', 'must not be more than maxPrice'] as const),
    ),
    ...check(
      page * limit <= MAX_DEPTH,
      ...(['page', `must end within the first ${MAX_DEPTH} results`] as const),
    ),
  ];
  if (errors.length > 0) throw invalidFields(errors, 'the request');
  const { tenantId: tenant } = caller;
  const shop =
    shopId === ''
      ? undefined
      : { shopId, sellsCatalogue: await knownShops.sellsCatalogue(tenant, shopId, shops) };
  const order =
    terms.length === 0 && (sort === '' || sort === 'relevance') ? 'newest' : sort || 'relevance';
  const offset = (page - 1) * limit;
  // the order within the window is decided here, so all of it is read
  const isInWindow = order === 'relevance' && offset < WINDOW;
  const part = isInWindow
    ? { sort: order, offset: 0, limit: Math.max(WINDOW, offset + limit) }
    : { sort: order, offset, limit };
  return readModel.read(async (db, text) => {
    const corrected = await withCorrections(db, text, tenant, terms);
    const criteria: Criteria = {
      ...{ tenant, terms: corrected, categoryKey: comparisonForm(category) },
      ...{ minPrice, maxPrice, inStock, shop },
    };
    const found = await findProducts(db, text, criteria, part);
    if (found.total > MAX_MATCHES) throw tooBroad(q === '' ? 'category' : 'q');
    const ids = isInWindow
      ? (await byRelevance(db, corrected, found.ids)).slice(offset, offset + limit)
      : found.ids;
    return {
      items: await itemsOf(db, ids, criteria),
      facets: await facetsOf(db, found),
      ...{ page, limit, total: found.total },
    };
  });
}

/** The terms of a text. Throws INVALID_ARGUMENT if it has too many words, or too short ones. */
export function parsedTerms(q: string, synonyms: Synonyms): Term[] {
  const terms = termsOf(q, synonyms);
  if (q === '') return [];
  if (terms.length === 0) throw invalid('q', 'must contain a letter, a number or an emoji');
  if (terms.length > MAX_WORDS) throw invalid('q', `must have at most ${MAX_WORDS} words`);
  if (isTooBroad(terms)) throw invalid('q', 'must have a word of at least 2 letters');
  return terms;
}

function check(right: boolean, field: string, message: string): FieldError[] {
  return right ? [] : [{ field, message }];
}

function tooBroad(field: string) {
  return invalid(
    field,
    `must select at most ${MAX_MATCHES} products: add a word, a category or a price`,
  );
}

/** Adds words that resemble those that no product has. */
export async function withCorrections(
  db: Kysely<SearchTables>,
  text: TextIndex,
  tenant: string,
  terms: readonly Term[],
): Promise<Term[]> {
  const corrected: Term[] = [];
  for (const term of terms) {
    const [word = '', ...more] = term.words;
    const isKnown = more.length > 0 || (await hasMatch(db, text, tenant, term));
    const corrections = isKnown ? [] : correctionsOf(word, await text.similar(db, tenant, word));
    corrected.push({ ...term, corrections });
  }
  return corrected;
}

/** The best of the matches, by their relevance; the others in their order. */
export async function byRelevance(
  db: Kysely<SearchTables>,
  terms: readonly Term[],
  ids: readonly number[],
): Promise<number[]> {
  const best = ids.slice(0, WINDOW);
  if (best.length === 0) return [];
  const rows = await db
    .selectFrom('product_texts')
    .innerJoin('products', 'products.id', 'product_texts.id')
    .select(['product_texts.id', 'name', 'category', 'pieces'])
    .where('product_texts.id', 'in', best)
    .execute();
  const scores = new Map(
    rows.map(({ id, name, category, pieces }) => [
      id,
      relevanceOf(terms, { name, category, available: (pieces ?? 0) > 0 }),
    ]),
  );
  const scoreOf = (id: number) => scores.get(id) ?? 0;
  // equal ones stay in the order of the database
  const sorted = best.toSorted((one, other) => scoreOf(other) - scoreOf(one));
  return [...sorted, ...ids.slice(WINDOW)];
}

async function itemsOf(
  db: Kysely<SearchTables>,
  ids: readonly number[],
  { tenant, terms, shop }: Criteria,
) {
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom('products as p')
    .innerJoin('product_texts as t', 't.id', 'p.id')
    .leftJoin('offers as o', (join) =>
      join
        .onRef('o.tenant', '=', 'p.tenant')
        .onRef('o.product_id', '=', 'p.product_id')
        .on('o.shop_id', '=', shop?.shopId ?? ''),
    )
    .leftJoin('stocks as s', (join) =>
      join
        .onRef('s.tenant', '=', 'p.tenant')
        .onRef('s.product_id', '=', 'p.product_id')
        .on('s.shop_id', '=', shop?.shopId ?? ''),
    )
    .select(['p.id', 'p.product_id', 't.name', 't.description', 't.category', 't.amount'])
    .select(['p.currency', 'p.pieces', 'p.created', 't.updated'])
    .select(['o.amount as offer_amount', 'o.currency as offer_currency', 's.pieces as shop_pieces'])
    .where('p.id', 'in', ids)
    .where('p.tenant', '=', tenant)
    .execute();
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => {
    const row = byId.get(id);
    if (row === undefined) return [];
    const { name, description, category } = row;
    const pieces = shop === undefined ? row.pieces : row.shop_pieces;
    return [
      {
        ...{ productId: row.product_id, name, description, category },
        price: {
          amount: row.offer_amount ?? row.amount,
          currency: row.offer_currency ?? row.currency,
        },
        availability: availabilityOf(pieces ?? undefined),
        createdAt: timestampFromMs(row.created),
        updatedAt: timestampFromMs(row.updated),
        highlights: { name: highlighted(terms, name), description: excerpt(terms, description) },
      },
    ];
  });
}

async function facetsOf(
  db: Kysely<SearchTables>,
  { categories, prices, stock }: Awaited<ReturnType<typeof findProducts>>,
) {
  const ids = categories.map(({ id }) => id);
  const rows =
    ids.length === 0
      ? []
      : await db
          .selectFrom('product_texts')
          .select(['id', 'category'])
          .where('id', 'in', ids)
          .execute();
  const names = new Map(rows.map(({ id, category }) => [id, category]));
  return {
    categories: categories.map(({ id, count }) => ({ category: names.get(id) ?? '', count })),
    prices: prices.map(({ currency, bound, count }) => {
      const to = PRICE_BOUNDS[bound + 1];
      const from = String(PRICE_BOUNDS[bound]);
      return { currency, from, count, ...(to === undefined ? {} : { to: String(to) }) };
    }),
    stock: [...stock],
  };
}
