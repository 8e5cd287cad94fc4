import { type Kysely, type RawBuilder, sql } from 'kysely';
import { z } from 'zod';
import type { TextIndex } from '#kit/read-store/text-index';
import { PRICE_BOUNDS } from './price';
import { type Term, textQuery } from './query';
import type { SearchTables } from './tables';

/** A search that matches more products than this is refused. */
export const MAX_MATCHES = 10_000;
const MAX_CATEGORIES = 50;

export const SORTS = ['relevance', 'newest', 'price', '-price'] as const;
export type Sort = (typeof SORTS)[number];

export interface Criteria {
  readonly tenant: string;
  readonly terms: readonly Term[];
  /** In its comparison form; empty for all. */
  readonly categoryKey: string;
  /** In thousandths. */
  readonly minPrice: number | undefined;
  readonly maxPrice: number | undefined;
  readonly inStock: boolean | undefined;
  readonly shop: { readonly shopId: string; readonly sellsCatalogue: boolean } | undefined;
}

export interface Found {
  readonly total: number;
  /** Ids of products, in the order of the sort. */
  readonly ids: readonly number[];
  /** Of each category, one product and the number of products. */
  readonly categories: readonly { readonly id: number; readonly count: number }[];
  /** By the index of the lower bound in PRICE_BOUNDS. */
  readonly prices: readonly {
    readonly currency: string;
    readonly bound: number;
    readonly count: number;
  }[];
  readonly stock: readonly { readonly inStock: boolean; readonly count: number }[];
}

const Row = z.object({
  kind: z.enum(['total', 'category', 'price', 'stock', 'hit']),
  label: z.string(),
  number: z.number(),
  count: z.number(),
  position: z.number(),
});

/** Finds products and counts them, in one query that reads each match once. */
export async function findProducts(
  db: Kysely<SearchTables>,
  text: TextIndex,
  criteria: Criteria,
  { sort, offset, limit }: { sort: Sort; offset: number; limit: number },
): Promise<Found> {
  const query = sql`
    with hits as materialized (${matches(text, criteria)})
    select 'total' as kind, '' as label, 0 as number, count(*) as count,
      cast(0 as double precision) as position from hits
    union all select 'category', '', id, count, 0 from (
      select max(id) as id, count(*) as count from hits
      group by category_key order by count(*) desc, max(id) limit ${MAX_CATEGORIES}) as categories
    union all select 'price', currency, bound, count(*), 0 from (
      select currency, ${priceBound()} as bound from hits) as prices group by currency, bound
    union all select 'stock', '', available, count(*), 0 from (
      select case when pieces > 0 then 1 else 0 end as available from hits) as stock
      group by available
    union all select 'hit', '', id, 0, position from (
      select id, cast(${SORT_KEYS[sort]} as double precision) as position from hits
      order by position desc, id limit ${limit} offset ${offset}) as best`;
  const rows = z.array(Row).parse((await query.execute(db)).rows);
  const of = (kind: Row['kind']) => rows.filter((row) => row.kind === kind);
  // a union has no order
  const hits = of('hit').sort(
    (one, other) => other.position - one.position || one.number - other.number,
  );
  return {
    total: of('total')[0]?.count ?? 0,
    ids: hits.map((row) => row.number),
    categories: of('category')
      .sort((one, other) => other.count - one.count)
      .map(({ number, count }) => ({ id: number, count })),
    prices: of('price')
      .sort((one, other) => one.label.localeCompare(other.label) || one.number - other.number)
      .map(({ label, number, count }) => ({ currency: label, bound: number, count })),
    stock: of('stock')
      .sort((one, other) => other.number - one.number)
      .map(({ number, count }) => ({ inStock: number === 1, count })),
  };
}
type Row = z.output<typeof Row>;

/** The highest first; equal ones by id. */
const SORT_KEYS: Readonly<Record<Sort, RawBuilder<unknown>>> = {
  relevance: sql`rank`,
  newest: sql`created`,
  price: sql`-price`,
  '-price': sql`price`,
};

/** The products that match. One more than allowed is enough to refuse the search. */
function matches(text: TextIndex, criteria: Criteria): RawBuilder<unknown> {
  const { tenant, terms, categoryKey, minPrice, maxPrice, inStock, shop } = criteria;
  const price = shop === undefined ? sql`p.price` : sql`coalesce(o.price, p.price)`;
  const currency = shop === undefined ? sql`p.currency` : sql`coalesce(o.currency, p.currency)`;
  const pieces = shop === undefined ? sql`p.pieces` : sql`s.pieces`;
  const conditions = [
    sql`p.tenant = ${tenant}`,
    ...(categoryKey === '' ? [] : [sql`p.category_key = ${categoryKey}`]),
    ...(minPrice === undefined ? [] : [sql`${price} >= ${minPrice}`]),
    ...(maxPrice === undefined ? [] : [sql`${price} <= ${maxPrice}`]),
    ...(inStock === undefined
      ? []
      : [inStock ? sql`${pieces} > 0` : sql`coalesce(${pieces}, 0) = 0`]),
    ...(shop === undefined ? [] : [sold(shop.sellsCatalogue)]),
  ];
  const from =
    terms.length === 0
      ? sql`products p`
      : sql`${text.matches(textQuery(terms))} m join products p on p.id = m.id`;
  const ofShop =
    shop === undefined
      ? sql``
      : sql`left join offers o
          on o.tenant = p.tenant and o.shop_id = ${shop.shopId} and o.product_id = p.product_id
        left join stocks s
          on s.tenant = p.tenant and s.product_id = p.product_id and s.shop_id = ${shop.shopId}`;
  return sql`select p.id, p.category_key, ${currency} as currency, ${price} as price,
      ${pieces} as pieces, p.created, ${terms.length === 0 ? sql`0` : sql`m.rank`} as rank
    from ${from} ${ofShop}
    where ${sql.join(conditions, sql` and `)}
    limit ${MAX_MATCHES + 1}`;
}

/** Whether the shop sells a product: it has not withdrawn it, and offers it or sells the whole catalogue. */
function sold(sellsCatalogue: boolean): RawBuilder<unknown> {
  return sellsCatalogue ? sql`coalesce(o.withdrawn, 0) = 0` : sql`o.withdrawn = 0`;
}

/** The index of the last bound that a price reaches. */
function priceBound(): RawBuilder<unknown> {
  const steps = PRICE_BOUNDS.map((bound, index) => ({ bound, index })).reverse();
  const cases = steps.map(
    ({ bound, index }) => sql`when price >= ${sql.lit(bound * 1_000)} then ${sql.lit(index)}`,
  );
  return sql`case ${sql.join(cases, sql` `)} else 0 end`;
}

/** Whether any product of the tenant has a term. */
export async function hasMatch(
  db: Kysely<SearchTables>,
  text: TextIndex,
  tenant: string,
  term: Term,
): Promise<boolean> {
  const query = sql`select 1 from ${text.matches(textQuery([term]))} m
    join products p on p.id = m.id where p.tenant = ${tenant} limit 1`;
  return (await query.execute(db)).rows.length > 0;
}
