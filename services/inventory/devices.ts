import { StockDrifted } from '#contracts/inventory';
import type { DeviceDataReceived } from '#contracts/iot-gateway';
import type { EventData } from '#kit/messages/contract';
import { changeShelf } from './change-stock';
import { type Message, count, move, sell } from './counts';
import type { Decided, Stock } from './domain';
import {
  type Device,
  type Place,
  counted,
  inOrder,
  isNew,
  movedTo,
  newDevice,
  onTime,
  taken,
} from './sequences';
import type { Context } from './definition';
import { messageKeyOf } from './shelf';

type Told = Extract<EventData<typeof DeviceDataReceived>, { dataType: 'stock' | 'sale' }>;

/**
 * Takes what a device tells of a stock, once, in whatever order it comes. The stock comes first and
 * remembers the message itself; that it came is noted with the device when all of it is done, so a
 * message that comes again after a crash finds its way through.
 */
export async function hearDevice(said: EventData<typeof DeviceDataReceived>, context: Context) {
  // the rest is for others, and a sale out of a slot is vending's
  if (said.dataType !== 'stock' && said.dataType !== 'sale') return;
  const { deviceId, shopId, position } = said;
  const { devices, clock } = context;
  const isOurs = said.dataType === 'stock' || said.data.slot === undefined;
  const productId = isOurs ? said.data.productId : undefined;
  const { boot, seq } = position;

  const known = movedTo((await devices.get(deviceId)) ?? newDevice(deviceId, shopId), shopId);
  const time = onTime(known, Date.parse(position.at), clock.now());
  const place = inOrder(known, { kind: said.dataType, boot, seq, ...time });
  if (!isNew(known, place)) return;
  const { compared } = isOurs
    ? await change(said, place, taken(known, place, productId), context)
    : {};
  await devices.decide(deviceId, (now = known) => {
    const device = taken(movedTo(now, shopId), place, productId);
    const done = compared ? counted(device, place, said.data.productId) : device;
    // it tells by itself that this message came
    return { document: done, outcome: undefined, selfIdempotent: true };
  });
}

async function change(said: Told, place: Place, device: Device, context: Context) {
  const { deviceId, shopId, data, dataType, position } = said;
  const { productId } = data;
  const parts = [deviceId, dataType, position.boot, position.seq] as const;
  const turn = {
    run: messageKeyOf(deviceId, dataType, position.boot),
    seq: position.seq,
  };
  const message = { deviceId, key: messageKeyOf(...parts), at: place.at, turn };
  const fact = ['told', ...parts].join(' ');
  const by = dataType === 'sale' ? dataType : said.data.mode;
  const doubtful = device.doubtful.includes(productId);
  const outcome = await changeShelf(
    context,
    { shopId, productId },
    { reason: REASONS[by] },
    { fact, final: true },
    (stock) => decide(stock, said, message, doubtful, context),
  );
  if (outcome.drift !== undefined) {
    const drift = { shopId, productId, deviceId, by, ...outcome.drift, at: position.at };
    await context.publish(StockDrifted, drift, fact);
  }
  return outcome;
}

const REASONS = { count: 'counted', delta: 'moved', sale: 'sold' } as const;

function decide(
  stock: Stock,
  said: Told,
  message: Message,
  doubtful: boolean,
  { clock, config }: Context,
): Decided {
  const now = clock.now();
  if (said.dataType === 'sale') return sell(stock, message, said.data.quantity, now);
  if (said.data.mode === 'delta') return move(stock, message, said.data.change, now);
  const { DRIFT_POLICY: policy, DRIFT_TOLERANCE: tolerance } = config;
  return count(stock, message, said.data.pieces, { policy, tolerance, doubtful }, now);
}

/** Whether something that a device told of this stock may be missing until it counts again. */
export async function isDoubtful({ productId, shelf }: Stock, { devices }: Context) {
  for (const deviceId of shelf?.devices ?? []) {
    const device = await devices.get(deviceId);
    if (device?.doubtful.includes(productId)) return true;
  }
  return false;
}
