import { z } from 'zod';
import { defineEvent } from '#kit/messages/contract';
import { EntityId, Quantity, Reason, Time } from '#contracts/fields';

const device = { deviceId: EntityId, shopId: EntityId };

export const DeviceStatusUpdated = defineEvent('DeviceStatusUpdated', {
  type: 'device.status.updated',
  public: true,
  description: 'A device came online or went offline, and its status has been stable for a while.',
  data: z.object({
    ...device,
    status: z.enum(['online', 'offline']),
    /** Time of its last message, by the platform's clock. */
    lastSeen: Time.optional(),
  }),
  subject: ({ deviceId }) => deviceId,
});

/**
 * The position of a message in the sequence of its device. `seq` counts from 1 for each `boot` and kind
 * of message; each start of the device has another `boot`.
 */
const Position = z.object({
  boot: EntityId,
  /** Orders the starts of a device: higher for a later one. Absent in events of earlier releases. */
  start: z.int().optional(),
  seq: z.int().positive(),
  /** Time of the reading by the platform's clock, as far as it can be determined. */
  at: Time,
});

const Stock = z.discriminatedUnion('mode', [
  /** The counted number of pieces. */
  z.object({ mode: z.literal('count'), productId: EntityId, pieces: z.int().nonnegative() }),
  /** Pieces added (positive) or removed (negative) since the previous message. */
  z.object({ mode: z.literal('delta'), productId: EntityId, change: z.int() }),
]);

const Sale = z.object({
  /** Chosen by the device. A sale that is reported again has the same id. */
  saleId: EntityId,
  productId: EntityId,
  quantity: Quantity,
  /** The slot of a vending machine that dispensed it. */
  slot: EntityId.optional(),
  /** The amount paid, in minor units of the currency of the machine's prices. */
  paidMinor: z.int().nonnegative().optional(),
});

export const DeviceDataReceived = defineEvent('DeviceDataReceived', {
  type: 'device.data.received',
  description: 'A device reported stock, a sale, measurements or faults.',
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
      /** All current faults; empty when there are none. */
      data: z.array(z.object({ code: Reason, slot: EntityId.optional() })).max(100),
    }),
  ]),
  subject: ({ deviceId }) => deviceId,
});

export const DeviceCommandSettled = defineEvent('DeviceCommandSettled', {
  type: 'device.command.settled',
  description: 'A device executed a command, failed to, or did not answer in time.',
  data: z.object({
    ...device,
    commandId: EntityId,
    name: z.string().max(64),
    outcome: z.enum(['acknowledged', 'failed', 'expired']),
    reason: Reason.optional(),
    /** The command had been published as expired, and the device reported the outcome afterwards. */
    late: z.literal(true).optional(),
  }),
  subject: ({ deviceId }) => deviceId,
});
