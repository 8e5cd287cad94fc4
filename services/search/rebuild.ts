import { timestampMs } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { type Caller, DEFAULT_TENANT, requireRole } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import type { FillPage } from '#kit/read-store/read-model-store';
import type { GenerationRow } from '#kit/read-store/read-store';
import type { GetIndexStatusRequest, StartRebuildRequest } from '#proto/retail/search/v1/search_pb';
import type { Context } from './definition';
import { putOffer, putProduct, putStock } from './index-product';
import { STREAMS } from './record-events';
import type { SearchTables } from './tables';

type Entry = FillPage<SearchTables>['entries'][number];

/** Things in a page of their owners. */
const LIMIT = 100;

/** Where a build continues: first the products of a tenant, then the offers and withdrawals of each shop. */
const Position = z.object({
  tenant: z.int().default(0),
  part: z.enum(['products', 'offers', 'withdrawals']).default('products'),
  /** Of the shops, whose offers are read one shop after the other. */
  shop: z.int().default(1),
  page: z.int().default(1),
  /** How many things the list had when its last page was read. */
  listed: z.int().default(0),
  done: z.int().default(0),
  total: z.int().default(0),
});
type Position = z.output<typeof Position>;

/** Copies the catalogue and the offers into a generation of the index that is being filled. */
export async function rebuild(context: Context): Promise<void> {
  await context.readModel.rebuild(async (position, tenants) => {
    const at = Position.parse(position === '' ? {} : JSON.parse(position));
    const tenant = tenants[at.tenant] ?? '';
    const ofTenant = context.forTenant(tenant);
    const { entries, listed, next } = await pageOf(at, tenant, ofTenant);
    const done = at.done + entries.length;
    const total = Math.max(done, at.page === 1 ? at.total + listed : at.total);
    const after = next ?? nextTenant(at, tenants);
    return {
      ...{ entries, done, total },
      next: after && JSON.stringify({ ...after, done, total } satisfies Position),
    };
  });
}

function nextTenant(at: Position, tenants: readonly string[]): Position | undefined {
  const tenant = at.tenant + 1;
  return tenant < tenants.length ? { ...Position.parse({}), tenant } : undefined;
}

interface Page {
  readonly entries: readonly Entry[];
  /** How many things the list has. */
  readonly listed: number;
  /** Absent after the last page of the tenant. */
  readonly next?: Position | undefined;
}

async function pageOf(at: Position, tenant: string, context: Context): Promise<Page> {
  if (at.part === 'products') {
    const { items, total } = await context.product.exportProducts({ page: at.page, limit: LIMIT });
    const offers: Position = { ...at, part: 'offers', shop: 1, page: 1, listed: 0 };
    return {
      entries: items.flatMap((item) => productEntries(tenant, item)),
      listed: total,
      next: nextPage(at, total) ?? offers,
    };
  }
  const shops = await context.shop.listShops({ page: at.shop, limit: 1 });
  const [shop] = shops.items;
  if (shop === undefined) return { entries: [], listed: 0 };
  const { shopId } = shop;
  const withdrawn = at.part === 'withdrawals';
  const { items, total } = await context.shop.exportOffers({
    ...{ shopId, withdrawn, page: at.page, limit: LIMIT },
  });
  const following: Position = withdrawn
    ? { ...at, part: 'offers', shop: at.shop + 1, page: 1, listed: 0 }
    : { ...at, part: 'withdrawals', page: 1, listed: 0 };
  const isLast = withdrawn && at.shop >= shops.total;
  return {
    entries: items.map((item) => ({
      ...{ tenant, stream: STREAMS.offer, subject: `${shopId}/${item.productId}` },
      sequence: item.sequence,
      write: putOffer(tenant, { ...item, shopId, price: item.price }),
    })),
    listed: total,
    next: nextPage(at, total) ?? (isLast ? undefined : following),
  };
}

/** The next page of the same list; undefined after its last one. */
function nextPage(at: Position, listed: number): Position | undefined {
  // a list that has lost things meanwhile has moved others to pages that were read
  const lost = at.page === 1 ? 0 : Math.ceil(Math.max(0, at.listed - listed) / LIMIT);
  const page = Math.max(1, at.page + 1 - lost);
  return (page - 1) * LIMIT < listed ? { ...at, page, listed } : undefined;
}

type Exported = Awaited<ReturnType<Context['product']['exportProducts']>>['items'][number];

function productEntries(tenant: string, { product, sequence, stocks }: Exported): Entry[] {
  if (product === undefined) return [];
  const { productId, name, description, category, price, createdAt, updatedAt } = product;
  const stored = stocks.map(({ shopId, left, sequence: ofStock }) => ({
    ...{ tenant, stream: STREAMS.stock, subject: `${shopId}:${productId}`, sequence: ofStock },
    write: putStock(tenant, productId, shopId, left),
  }));
  const write = putProduct(tenant, {
    ...{ productId, name, description, category },
    price: { amount: price?.amount ?? '0', currency: price?.currency ?? '' },
    createdAt: createdAt === undefined ? 0 : timestampMs(createdAt),
    updatedAt: updatedAt === undefined ? 0 : timestampMs(updatedAt),
  });
  // stocks first: the product is written with their sum
  return [...stored, { tenant, stream: STREAMS.product, subject: productId, sequence, write }];
}

export async function startRebuild(_: StartRebuildRequest, { readModel, caller }: Context) {
  requireOperator(caller);
  return toMessage(await readModel.startRebuild());
}

export async function getIndexStatus(_: GetIndexStatusRequest, { readModel, caller }: Context) {
  requireOperator(caller);
  return toMessage(await readModel.newest());
}

/** The index is one for all tenants, so it is for admins of the platform. */
function requireOperator(caller: Caller): void {
  requireRole(caller, 'admin');
  if (caller.tenantId === DEFAULT_TENANT) return;
  throw new MicroserviceError('only for admins of the platform', Code.PERMISSION_DENIED);
}

function toMessage(row: GenerationRow | undefined) {
  const { generation = 0, state = 'building', done = 0, total = 0 } = row ?? {};
  return { generation, state, done, total };
}
