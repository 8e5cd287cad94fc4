import { toTimestamp } from '#kit/core/timestamps';
import { z } from 'zod';
import { accountOf, requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, invalid, notFound } from '#kit/core/errors';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type {
  CreateShopRequest,
  GetShopRequest,
  ListShopsRequest,
  MayManageRequest,
  UpdateShopRequest,
} from '#proto/retail/shop/v1/shop_pb';
import { Line } from '#retail/text';
import { CHANNELS, type Shop, mayManage, requireManager, withChanges } from './domain';
import { OpeningHours, TimeZone, isOpen } from './opening-hours';
import type { Context } from './definition';

const ALL = 'all';

const unique = <T>(values: T[]) => [...new Set(values)];

const ShopFields = z.object({
  name: Line(1, 200),
  channels: z.array(z.enum(CHANNELS)).min(1).max(20).transform(unique),
  timeZone: TimeZone,
  openingHours: z.array(OpeningHours).max(50),
});
const NewShop = ShopFields.extend({ shopId: Id.optional() });

const ShopUpdate = z.object({
  shopId: Id,
  name: ShopFields.shape.name.optional(),
  channels: ShopFields.shape.channels.optional(),
  timeZone: TimeZone.optional(),
  openingHours: ShopFields.shape.openingHours.optional(),
  sellerIds: z.array(Id).max(100).transform(unique).optional(),
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
  const { shops, clock, caller } = context;
  const { shopId, ...update } = validate(ShopUpdate, { ...request, ...sentLists(request) });
  const now = await requireShop(shopId, context);
  requireManager(caller, now);
  if (update.sellerIds !== undefined) {
    requireRole(caller, 'admin');
    await requireSellers(update.sellerIds, now, context);
  }
  const shop = await shops.update(shopId, (known) => {
    if (known === undefined) throw notFound('shop');
    return withChanges(known, update, isoTime(clock));
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

/** Whether the caller may change what other services store for a shop. */
export async function mayManageShop(request: MayManageRequest, { shops, caller }: Context) {
  const { shopId } = validate(z.object({ shopId: Id }), request);
  const shop = await shops.get(shopId);
  return { allowed: shop === undefined ? caller.role === 'admin' : mayManage(caller, shop) };
}

/** Returns a shop. Throws NOT_FOUND. */
export async function requireShop(shopId: string, { shops }: Context): Promise<Shop> {
  const shop = await shops.get(shopId);
  if (shop === undefined) throw notFound('shop');
  return shop;
}

/** A shop as the API returns it. Only its managers see the ids of its sellers. */
function toMessage({ sellerIds, ...shop }: Shop, { clock, caller }: Context) {
  return {
    ...shop,
    open: isOpen(shop.openingHours, shop.timeZone, clock.now()),
    sellerIds: mayManage(caller, { sellerIds, ...shop }) ? sellerIds : [],
    createdAt: toTimestamp(shop.createdAt),
    updatedAt: toTimestamp(shop.updatedAt),
  };
}
