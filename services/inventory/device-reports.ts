import { isSaleWithinLimits, isStockWithinLimits } from '#contracts/device-messages';
import { ReportRefused, StockDrifted } from '#contracts/inventory';
import type { DeviceDataReceived } from '#contracts/iot-gateway';
import { refused } from '#kit/core/errors';
import type { EventData } from '#kit/messages/contract';
import { changeStockAsReported } from './change-stock';
import type { Context } from './definition';
import {
  type Device,
  type MessagePosition,
  alignTime,
  clearDoubt,
  inShop,
  isNewMessage,
  newDevice,
  recordMessage,
} from './device-sequence';
import { type Stock, type StockDecision, type StockOutcome, keyOf } from './domain';
import { isKnown } from './known-stock';
import { type DeviceReport, applyCount, applyMovement, applySale } from './reconciliation';
import { reportKeyOf } from './reconciliation-state';

type StockMessage = Extract<EventData<typeof DeviceDataReceived>, { dataType: 'stock' | 'sale' }>;

/**
 * Processes a device's message about stock, once, in whatever order messages arrive. The stock changes
 * first and stores the report's key; the device's sequence is updated last. So a redelivery after a
 * crash completes what is left.
 */
export async function handleDeviceData(
  message: EventData<typeof DeviceDataReceived>,
  context: Context,
) {
  // other data is for other services; sales from a vending machine's slot are for vending
  if (message.dataType !== 'stock' && message.dataType !== 'sale') return;
  if (!isWithinLimits(message)) throw refused('out_of_range', 'a number is out of range');
  const { deviceId, shopId, dataType, position } = message;
  const { devices, clock } = context;
  const isOurs = message.dataType === 'stock' || message.data.slot === undefined;
  const productId = isOurs ? message.data.productId : undefined;
  const { boot, start = 0, seq } = position;
  const now = clock.now();

  const device = inShop((await devices.get(deviceId)) ?? newDevice(deviceId, shopId), shopId);
  const madeAt = Math.min(Date.parse(position.at), now);
  const at = alignTime(device, { kind: dataType, boot, start, seq, at: madeAt }, now);
  if (!isNewMessage(device, at)) return;
  // a sale from a slot counts as a message of the device, but changes no stock here
  const { compared }: StockOutcome = isOurs
    ? await changeStockByReport(message, at, recordMessage(device, at, productId), context)
    : {};
  await devices.decide(deviceId, (current = device) => {
    const recorded = recordMessage(inShop(current, shopId), at, productId);
    const document = compared ? clearDoubt(recorded, at, message.data.productId) : recorded;
    // the sequence itself shows that this message was processed
    return { document, outcome: undefined, selfIdempotent: true };
  });
}

/**
 * iot-gateway rejects numbers beyond DEVICE_LIMITS. An event with one was published by an earlier release,
 * or by another publisher.
 */
function isWithinLimits(message: StockMessage): boolean {
  return message.dataType === 'stock'
    ? isStockWithinLimits(message.data)
    : isSaleWithinLimits(message.data);
}

async function changeStockByReport(
  message: StockMessage,
  { at }: MessagePosition,
  device: Device,
  context: Context,
) {
  const { deviceId, shopId, data, dataType, position } = message;
  const { productId } = data;
  await refuseUnknown(message, context);
  const parts = [deviceId, dataType, position.boot, position.seq] as const;
  const turn = {
    run: reportKeyOf(deviceId, dataType, position.boot),
    seq: position.seq,
  };
  const report = { deviceId, key: reportKeyOf(...parts), at, turn };
  // stored event ids and inbox entries contain this key: its first word must not change
  const dedupKey = ['told', ...parts].join(' ');
  const by = dataType === 'sale' ? dataType : message.data.mode;
  const doubtful = device.doubtful.includes(productId);
  const outcome = await changeStockAsReported(
    context,
    { shopId, productId },
    { reason: REASONS[by] },
    { dedupKey, final: true },
    (stock) => applyReport(stock, message, report, doubtful, context),
  );
  if (outcome.drift !== undefined) {
    const drift = { shopId, productId, deviceId, by, ...outcome.drift, at: position.at };
    await context.publish(StockDrifted, drift, dedupKey);
  }
  return outcome;
}

/**
 * Refuses a report on a product or a shop that does not exist: the report is stored as a dead letter, and
 * the operators are notified once for each start of the device. A stock with a history exists, so that
 * only the first report on a stock costs a call.
 */
async function refuseUnknown(message: StockMessage, context: Context): Promise<void> {
  const { stocks, shop, publish } = context;
  const { deviceId, shopId, position } = message;
  const id = { shopId, productId: message.data.productId };
  if (isKnown(await stocks.get(keyOf(id)))) return;
  const { unknown } = await shop.mayManage(id);
  if (unknown === undefined) return;
  const reason = unknown === 'shop' ? 'shop_not_found' : 'product_not_found';
  const dedupKey = ['unknown', deviceId, position.boot].join(' ');
  await publish(ReportRefused, { ...id, deviceId, reason, at: position.at }, dedupKey);
  throw refused(reason, `the device reported on a ${unknown} that does not exist`);
}

const REASONS = { count: 'counted', delta: 'moved', sale: 'sold' } as const;

function applyReport(
  stock: Stock,
  message: StockMessage,
  report: DeviceReport,
  doubtful: boolean,
  { clock, config }: Context,
): StockDecision {
  const now = clock.now();
  if (message.dataType === 'sale') return applySale(stock, report, message.data.quantity, now);
  if (message.data.mode === 'delta') return applyMovement(stock, report, message.data.change, now);
  const { DRIFT_POLICY: policy, DRIFT_TOLERANCE: tolerance } = config;
  return applyCount(stock, report, message.data.pieces, { policy, tolerance, doubtful }, now);
}

/** Whether a device's report on this stock may be missing since its last count. */
export async function isDoubtful({ productId, shelf }: Stock, { devices }: Context) {
  for (const deviceId of shelf?.devices ?? []) {
    const device = await devices.get(deviceId);
    if (device?.doubtful.includes(productId)) return true;
  }
  return false;
}
