import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { deterministicId } from '#kit/core/deterministic-id';
import { type Money, ofMinor, times } from '#retail/money';
import { SagaRecorder } from '#kit/saga/saga-steps';
import type { DeviceDataReceived } from '#contracts/iot-gateway';
import type { Vend } from './domain';
import { concludeOrLater } from './later';
import { priceOf } from './prices';
import type { Context } from './definition';
import { slotOf } from './slots';

type Sale = Extract<EventData<typeof DeviceDataReceived>, { dataType: 'sale' }>;

/**
 * Books what a machine has sold for cash. It is a vend by its sale's id, so the same sale told again,
 * or told days later out of a backlog, is one.
 */
export async function sold(sale: Sale, slot: string, context: Context): Promise<void> {
  const { vends, lists, clock } = context;
  const { deviceId: machineId, shopId, data } = sale;
  const vendId = `vend_${deterministicId('sale', machineId, data.saleId)}`;
  const price =
    (await vends.get(vendId)) === undefined ? await paid(sale, slot, context) : undefined;
  const at = isoTime(clock);
  const fresh: Vend = {
    ...{ vendId, machineId, shopId, slot, productId: data.productId, quantity: data.quantity },
    ...(price === undefined ? {} : { price }),
    ...{ channel: 'cash', status: 'settling', userId: '', undo: [] },
    ...{ story: { steps: [], events: [] }, createdAt: at, updatedAt: at },
  };
  const { document: vend } = await vends.decide(
    vendId,
    (now) => ({ document: now ?? fresh, outcome: undefined }),
    'sold',
  );
  await lists.byMachine.add(machineId, vendId);
  await concludeOrLater(vend, new SagaRecorder(context), context);
}

/** What was paid, as the machine counted it, or else as it is priced. */
async function paid(
  { deviceId, shopId, data: { productId, quantity, paidMinor } }: Sale,
  name: string,
  context: Context,
): Promise<Money | undefined> {
  const machine = await context.machines.get(deviceId);
  if (machine !== undefined && paidMinor !== undefined) {
    return ofMinor(BigInt(paidMinor), machine.currency);
  }
  const slot = machine && slotOf(machine, name);
  const known = slot?.productId === productId ? slot : { productId };
  const price = await priceOf(known, shopId, context);
  if (price === undefined) return undefined;
  return paidMinor === undefined
    ? times(price, quantity)
    : ofMinor(BigInt(paidMinor), price.currency);
}
