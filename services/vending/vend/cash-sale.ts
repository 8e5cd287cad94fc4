import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { deterministicId } from '#kit/core/deterministic-id';
import { type Money, ofMinor, times } from '#retail/money';
import { SagaRecorder } from '#kit/saga/saga-steps';
import type { DeviceDataReceived } from '#contracts/iot-gateway';
import type { Context } from '../definition';
import { findSlot } from '../machine/machine';
import { priceOf } from '../machine/prices';
import { settleOrRetryLater } from './settle-retry-job';
import type { Vend } from './vend';

type Sale = Extract<EventData<typeof DeviceDataReceived>, { dataType: 'sale' }>;

/**
 * Records a cash sale that a machine reports. The vend's id is derived from the sale's id, so a sale
 * that is reported again, even days later from the machine's backlog, is the same vend.
 */
export async function recordCashSale(sale: Sale, slot: string, context: Context): Promise<void> {
  const { vends, lists, clock } = context;
  const { deviceId: machineId, shopId, data } = sale;
  const vendId = `vend_${deterministicId('sale', machineId, data.saleId)}`;
  const price =
    (await vends.get(vendId)) === undefined ? await amountPaid(sale, slot, context) : undefined;
  const at = isoTime(clock);
  const newVend: Vend = {
    vendId,
    machineId,
    shopId,
    slot,
    productId: data.productId,
    quantity: data.quantity,
    ...(price === undefined ? {} : { price }),
    channel: 'cash',
    status: 'settling',
    userId: '',
    undo: [],
    story: { steps: [], events: [] },
    createdAt: at,
    updatedAt: at,
  };
  const { document: vend } = await vends.decide(
    vendId,
    (current) => ({ document: current ?? newVend, outcome: undefined }),
    'sold',
  );
  await lists.byMachine.add(machineId, vendId);
  await settleOrRetryLater(vend, new SagaRecorder(context), context);
}

/** The amount that the machine counted, or else the price; undefined if both are unknown. */
async function amountPaid(
  { deviceId, shopId, data: { productId, quantity, paidMinor } }: Sale,
  name: string,
  context: Context,
): Promise<Money | undefined> {
  const machine = await context.machines.get(deviceId);
  if (machine !== undefined && paidMinor !== undefined) {
    return ofMinor(BigInt(paidMinor), machine.currency);
  }
  const slot = machine && findSlot(machine, name);
  const priced = slot?.productId === productId ? slot : { productId };
  const price = await priceOf(priced, shopId, context);
  if (price === undefined) return undefined;
  return paidMinor === undefined
    ? times(price, quantity)
    : ofMinor(BigInt(paidMinor), price.currency);
}
