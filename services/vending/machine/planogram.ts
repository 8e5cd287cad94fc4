import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, invalid } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import { validate } from '#kit/core/validation';
import type { SetPlanogramRequest } from '#proto/retail/vending/v1/vending_pb';
import type { Context } from '../definition';
import { withPlanogram } from './machine';
import { shopOfManagedMachine } from './managed-device';
import { shopPrices } from './prices';
import { toMessage } from './queries';
import { PlanogramRequest } from './requests';

/** Sets which product each slot of a machine holds. */
export async function setPlanogram(request: SetPlanogramRequest, context: Context) {
  const { machines, lists, clock, precondition } = context;
  const { machineId, slots } = validate(PlanogramRequest, request);
  const shopId = await shopOfManagedMachine(machineId, context);
  const currency = await currencyOf(shopId, slots, context);
  const at = isoTime(clock);
  const known = await machines.get(machineId);
  // listed before it can sell, so that every machine that sells can be found
  if (known?.shopId !== shopId) await lists.machines.add(shopId, machineId);
  const machine = await machines.update(machineId, (current) => {
    requirePrecondition(precondition, current);
    return withPlanogram(current, { machineId, shopId, currency }, slots, at);
  });
  if (known !== undefined && known.shopId !== shopId) {
    await lists.machines.remove(known.shopId, machineId);
  }
  return toMessage(machine);
}

/**
 * The currency of all prices in a machine: it counts cash in one currency. Throws INVALID_ARGUMENT with
 * the field of the slot.
 */
async function currencyOf(
  shopId: string,
  slots: readonly { productId: string; price?: { currency: string } | undefined }[],
  context: Context,
): Promise<string> {
  const productIds = slots.map(({ productId }) => productId);
  const prices = await shopPrices(shopId, productIds, context).catch((error: unknown) => {
    if (!(error instanceof MicroserviceError) || error.code !== Code.NOT_FOUND) throw error;
    const index = productIds.findIndex((id) => id === error.details['productId']);
    throw invalid(index < 0 ? 'slots' : `slots.${index}.productId`, 'is not sold in this shop');
  });
  const [currency, ...others] = new Set(
    slots.map(({ price }, index) => (price ?? prices[index])?.currency),
  );
  if (currency === undefined || others.length > 0) {
    throw invalid('slots', 'must all be priced in one currency');
  }
  return currency;
}
