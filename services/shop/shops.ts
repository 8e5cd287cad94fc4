import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { toTimestamp } from '#kit/core/timestamps';
import { z } from 'zod';
import { accountOf, requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, invalid, notFound } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type {
  CreateShopRequest,
  GetShopRequest,
  ListShopsRequest,
  MayManageRequest,
  UpdateShopRequest,
} from '#proto/retail/shop/v1/shop_pb';
import { Line } from '#retail/text';
import {
  CHANNELS,
  type Shop,
  ShopPolicies,
  mayManage,
  requireManager,
  withChanges,
} from './domain';
import { isKnownProduct } from './catalogue';
import { OpeningHours, TimeZone, isOpen, nextOpening } from './opening-hours';
import type { Context } from './definition';

const ALL = 'all';

const unique = <T>(values: T[]) => [...new Set(values)];

const ShopFields = z.object({
  name: Line(1, 200),
  channels: z.array(z.enum(CHANNELS)).min(1).max(20).transform(unique),
  timeZone: TimeZone,
  openingHours: z.array(OpeningHours).max(50),
});
const NewShop = ShopFields.extend({
  shopId: Id.optional(),
  policies: ShopPolicies.prefault({}),
});

/** Without defaults: a policy that is absent is not changed. */
const PolicyChanges = z.object({
  sellsCatalogue: ShopPolicies.shape.sellsCatalogue.unwrap().optional(),
  ordersWhenClosed: ShopPolicies.shape.ordersWhenClosed.unwrap().optional(),
  deliveryPaidBy: ShopPolicies.shape.deliveryPaidBy.unwrap().optional(),
  pickupHoldHours: ShopPolicies.shape.pickupHoldHours.unwrap().optional(),
  returnDays: ShopPolicies.shape.returnDays.unwrap().optional(),
});

const ShopUpdate = z.object({
  shopId: Id,
  name: ShopFields.shape.name.optional(),
  channels: ShopFields.shape.channels.optional(),
  timeZone: TimeZone.optional(),
  openingHours: ShopFields.shape.openingHours.optional(),
  sellerIds: z.array(Id).max(100).transform(unique).optional(),
  policies: PolicyChanges.prefault({}),
});

/** The lists of an update that were sent: an empty one was only if the mask names it. */
function sentLists({ channels, openingHours, sellerIds, updateMask }: UpdateShopRequest) {
  const isSent = (list: readonly unknown[], path: string) =>
    list.length > 0 || updateMask?.paths.includes(path) === true;
  return {
    channels: isSent(channels, 'channels') ? channels : undefined,
    openingHours: isSent(openingHours, 'opening_hours') ? openingHours : undefined,
    sellerIds: isSent(sellerIds, 'seller_ids') ? sellerIds : undefined,
  };
}

/** Creates a shop. A seller becomes its manager; only an admin may choose its id. */
export async function createShop(request: CreateShopRequest, context: Context) {
  const { shops, lists, newId, clock, caller } = context;
  requireRole(caller, 'seller', 'admin');
  const { shopId: chosen, ...fields } = validate(NewShop, request);
  if (chosen !== undefined) requireRole(caller, 'admin');
  const shopId = chosen ?? newId('shop');
  // the list comes first: a shop can always be found
  if ((await shops.get(shopId)) === undefined) await lists.shops.add(ALL, shopId);
  const at = isoTime(clock);
  const sellerIds = caller.role === 'seller' ? [accountOf(caller)] : [];
  const shop = await shops.update(shopId, (known) => {
    if (known === undefined) return { shopId, ...fields, sellerIds, createdAt: at, updatedAt: at };
    throw new MicroserviceError('a shop with this id already exists', Code.ALREADY_EXISTS);
  });
  return toMessage(shop, context);
}

export async function updateShop(request: UpdateShopRequest, context: Context) {
  const { shops, clock, caller, precondition } = context;
  const {
    shopId,
    policies: changes,
    ...update
  } = validate(ShopUpdate, { ...request, ...sentLists(request) });
  const now = await requireShop(shopId, context);
  requireManager(caller, now);
  if (update.sellerIds !== undefined) {
    requireRole(caller, 'admin');
    await requireSellers(update.sellerIds, now, context);
  }
  const shop = await shops.update(shopId, (known) => {
    if (known === undefined) throw notFound('shop');
    requirePrecondition(precondition, known);
    const policies = ShopPolicies.parse({ ...known.policies, ...defined(changes) });
    return withChanges(known, { ...update, policies }, isoTime(clock));
  });
  return toMessage(shop, context);
}

/** Throws INVALID_ARGUMENT for an id that is added to the sellers of a shop and cannot sell. */
async function requireSellers(ids: readonly string[], shop: Shop, { user }: Context) {
  const added = ids.filter((id) => !shop.sellerIds.includes(id));
  if (added.length === 0) return;
  const { userIds, keyIds } = await user.findSellers({ ids: added });
  const stranger = added.find((id) => !userIds.includes(id) && !keyIds.includes(id));
  if (stranger === undefined) return;
  throw invalid(
    `sellerIds.${ids.indexOf(stranger)}`,
    'must be a user with the role seller or admin who is not blocked, or a valid API key',
  );
}

export async function getShop(request: GetShopRequest, context: Context) {
  const { shopId } = validate(z.object({ shopId: Id }), request);
  return toMessage(await requireShop(shopId, context), context);
}

export async function listShops(request: ListShopsRequest, context: Context) {
  const { shops, lists } = context;
  const { page, limit } = validate(PageRequest, request);
  const { items, total } = await lists.shops.page(ALL, page, limit);
  const found = await Promise.all(items.map((shopId) => shops.get(shopId)));
  const known = found.filter((shop) => shop !== undefined);
  return { items: known.map((shop) => toMessage(shop, context)), page, limit, total };
}

function defined<T extends object>(changes: T): Partial<T> {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  // the entries of T without the absent ones
  return Object.fromEntries(given) as Partial<T>;
}

const ManagedThing = z.object({ shopId: Id, productId: Id.optional() });

/**
 * Whether the caller may change what other services store for a shop, and whether the shop and the product
 * exist.
 */
export async function mayManageShop(request: MayManageRequest, context: Context) {
  const { shops, caller } = context;
  const { shopId, productId } = validate(ManagedThing, request);
  const [shop, isKnown] = await Promise.all([
    shops.get(shopId),
    productId === undefined || isKnownProduct(productId, context),
  ]);
  const allowed = shop === undefined ? caller.role === 'admin' : mayManage(caller, shop);
  if (shop === undefined) return { allowed, unknown: 'shop' };
  return isKnown ? { allowed } : { allowed, unknown: 'product' };
}

/** Returns a shop. Throws NOT_FOUND. */
export async function requireShop(shopId: string, { shops }: Context): Promise<Shop> {
  return requireFound(await shops.get(shopId));
}

/** Throws NOT_FOUND for an unknown shop. */
export function requireFound(shop: Shop | undefined): Shop {
  if (shop !== undefined) return shop;
  throw new MicroserviceError('shop not found', Code.NOT_FOUND, { reason: 'shop_not_found' });
}

/** When a closed shop opens next; undefined for an open one, and for one that never opens. */
export function opensAt({ openingHours, timeZone }: Shop, now: number): number | undefined {
  return isOpen(openingHours, timeZone, now) ? undefined : nextOpening(openingHours, timeZone, now);
}

/** A shop as the API returns it. Only its managers see the ids of its sellers. */
function toMessage({ sellerIds, ...shop }: Shop, { clock, caller }: Context) {
  const opening = opensAt({ sellerIds, ...shop }, clock.now());
  return {
    ...shop,
    open: isOpen(shop.openingHours, shop.timeZone, clock.now()),
    ...(opening === undefined ? {} : { opensAt: timestampFromMs(opening) }),
    sellerIds: mayManage(caller, { sellerIds, ...shop }) ? sellerIds : [],
    createdAt: toTimestamp(shop.createdAt),
    updatedAt: toTimestamp(shop.updatedAt),
  };
}
