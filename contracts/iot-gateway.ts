import { z } from 'zod';
import { defineEvent } from '#kit/messages/contract';
import { EntityId, Quantity, Reason, Time } from '#contracts/fields';

const device = { deviceId: EntityId, shopId: EntityId };

export const DeviceStatusUpdated = defineEvent('DeviceStatusUpdated', {
  type: 'device.status.updated',
  public: true,
  description: 'A device came online or went offline, and stayed so for a while.',
  data: z.object({
    ...device,
    status: z.enum(['online', 'offline']),
    /** When it was heard last, as the platform's clock has it. */
    lastSeen: Time.optional(),
  }),
  subject: ({ deviceId }) => deviceId,
});

/**
 * Where a message stands among those of its device: numbers count up by one from 1, for each kind of
 * message on its own, and begin anew with each `boot`, which is another for each start of the device.
 */
const Position = z.object({
  boot: EntityId,
  seq: z.int().positive(),
  /** When it was so, by the device's clock as the platform corrects it. */
  at: Time,
});

const Stock = z.discriminatedUnion('mode', [
  /** So many there are. */
  z.object({ mode: z.literal('count'), productId: EntityId, pieces: z.int().nonnegative() }),
  /** So many came (positive) or went (negative) since the message before. */
  z.object({ mode: z.literal('delta'), productId: EntityId, change: z.int() }),
]);

const Sale = z.object({
  /** Known to the device alone: the same sale told again has the same. */
  saleId: EntityId,
  productId: EntityId,
  quantity: Quantity,
  /** Of a vending machine, the slot it came out of. */
  slot: EntityId.optional(),
  /** What was paid, in the minor unit of the currency of the machine's prices. */
  paidMinor: z.int().nonnegative().optional(),
});

export const DeviceDataReceived = defineEvent('DeviceDataReceived', {
  type: 'device.data.received',
  description: 'A device told of its stock, a sale, a measurement or a fault.',
  data: z.discriminatedUnion('dataType', [
    z.object({ ...device, dataType: z.literal('stock'), position: Position, data: Stock }),
    z.object({ ...device, dataType: z.literal('sale'), position: Position, data: Sale }),
    z.object({
      ...device,
      dataType: z.literal('telemetry'),
      position: Position,
      /** Measurements by name, such as temperature in degrees Celsius. */
      data: z.record(EntityId, z.number()),
    }),
    z.object({
      ...device,
      dataType: z.literal('faults'),
      position: Position,
      /** All that is wrong with it now; nothing where all is well. */
      data: z.array(z.object({ code: Reason, slot: EntityId.optional() })).max(100),
    }),
  ]),
  subject: ({ deviceId }) => deviceId,
});

export const DeviceCommandSettled = defineEvent('DeviceCommandSettled', {
  type: 'device.command.settled',
  description: 'A device did what it was told, could not, or never answered in time.',
  data: z.object({
    ...device,
    commandId: EntityId,
    name: z.string().max(64),
    outcome: z.enum(['acknowledged', 'failed', 'expired']),
    reason: Reason.optional(),
    /** It had been said to be expired: the device did it, or could not, and told so afterwards. */
    late: z.literal(true).optional(),
  }),
  subject: ({ deviceId }) => deviceId,
});
