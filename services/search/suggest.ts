import { z } from 'zod';
import { invalid } from '#kit/core/errors';
import { validate } from '#kit/core/validation';
import type { SuggestRequest } from '#proto/retail/search/v1/search_pb';
import type { Context } from './definition';
import { findProducts } from './find-products';
import { MAX_WORDS, type Term, termsOf } from './query';
import { byRelevance, SearchText, withCorrections } from './search';
import { stemOf, wordsOf } from './words';

const MAX_SUGGESTIONS = 20;
/** The words of the catalogue that complete the last word of a text. */
const COMPLETIONS = 30;
/** Products from whose names the suggestions are taken. */
const CANDIDATES = 100;

const Request = z.object({
  q: SearchText(100).refine((q) => q !== '', 'must not be empty'),
  limit: z
    .int()
    .transform((limit) => (limit === 0 ? 8 : limit))
    .pipe(z.int().min(1).max(MAX_SUGGESTIONS)),
});

/** Completes a text that is being typed by names of categories and products. */
export async function suggest(request: SuggestRequest, { readModel, caller, config }: Context) {
  const { q, limit } = validate(Request, request);
  const typed = termsOf(q, config.SYNONYMS_FILE);
  if (typed.length > MAX_WORDS) throw invalid('q', `must have at most ${MAX_WORDS} words`);
  const last = typed.at(-1);
  if (last === undefined) return { items: [] };
  const { tenantId: tenant } = caller;
  return readModel.read(async (db, text) => {
    // the completions and not the beginning itself: one letter begins half of the catalogue
    const beginning = last.words.at(-1) ?? '';
    const known = await text.completions(db, tenant, beginning, COMPLETIONS);
    const completed: Term = {
      ...last,
      ...{ isPrefix: false, others: [...last.others, ...known.map(({ word }) => word)] },
    };
    const terms = await withCorrections(db, text, tenant, [...typed.slice(0, -1), completed]);
    const found = await findProducts(
      ...([db, text] as const),
      {
        ...{ tenant, terms, categoryKey: '', inStock: undefined, shop: undefined },
        ...{ minPrice: undefined, maxPrice: undefined },
      },
      { sort: 'relevance', offset: 0, limit: CANDIDATES },
    );
    const ids = await byRelevance(db, terms, found.ids);
    const shown = [...ids, ...found.categories.map(({ id }) => id)];
    const rows =
      shown.length === 0
        ? []
        : await db
            .selectFrom('product_texts as t')
            .innerJoin('products as p', 'p.id', 't.id')
            .select(['t.id', 't.name', 't.category', 'p.product_id'])
            .where('t.id', 'in', shown)
            .where('p.tenant', '=', tenant)
            .execute();
    const byId = new Map(rows.map((row) => [row.id, row]));
    const categories = found.categories.flatMap(({ id }) => byId.get(id)?.category ?? []);
    const products = ids.flatMap((id) => {
      const row = byId.get(id);
      return row === undefined
        ? []
        : [{ text: row.name, kind: 'product', productId: row.product_id }];
    });
    const all = [
      ...categories
        .filter((category) => isNamed(category, terms))
        .map((category) => ({ text: category, kind: 'category' })),
      ...products,
    ];
    const first = new Map(all.toReversed().map((item) => [`${item.kind} ${item.text}`, item]));
    return {
      items: all.filter((item) => first.get(`${item.kind} ${item.text}`) === item).slice(0, limit),
    };
  });
}

/** Whether a category is named by all terms, and not only the product in it. */
function isNamed(category: string, terms: readonly Term[]): boolean {
  const stems = new Set(wordsOf(category).map(stemOf));
  return terms.every(({ words, others, corrections }) =>
    [...words, ...others, ...corrections].some((word) => stems.has(stemOf(word))),
  );
}
