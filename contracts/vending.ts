import { z } from 'zod';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { Money } from '#retail/money';
import { EntityId, Quantity, Reason } from '#contracts/fields';

/** A place in a machine, such as A3 of the machine at the door. */
const place = { machineId: EntityId, shopId: EntityId, slot: EntityId };

const vend = { vendId: EntityId, ...place, productId: EntityId, quantity: Quantity };

const vendSubject = ({ vendId }: { vendId: string }) => vendId;
const machineSubject = ({ machineId }: { machineId: string }) => machineId;

export const VendCompleted = defineEvent('VendCompleted', {
  type: 'vend.completed',
  public: true,
  description: 'A machine has dispensed what was bought from it, and it is paid for.',
  data: z.object({
    ...vend,
    channel: z.enum(['cash', 'cashless']),
    /** Absent where cash was paid, and nobody knows the price. */
    price: Money.optional(),
    /** Absent where cash was paid. */
    userId: EntityId.optional(),
  }),
  subject: vendSubject,
});

export const VendCancelled = defineEvent('VendCancelled', {
  type: 'vend.cancelled',
  public: true,
  description: 'A vend came to nothing: nothing was taken, as far as the machine has told.',
  data: z.object({ ...vend, userId: EntityId, reason: Reason }),
  subject: vendSubject,
});

export const VendUnpaid = defineEvent('VendUnpaid', {
  type: 'vend.unpaid',
  description: 'A machine has dispensed what is not paid for, and cannot be any more.',
  data: z.object({ ...vend, price: Money.optional(), reason: Reason }),
  subject: vendSubject,
});

export const SlotFaulted = defineEvent('SlotFaulted', {
  type: 'slot.faulted',
  description: 'A slot of a machine sells nothing until somebody has seen to it.',
  data: z.object({ ...place, productId: EntityId, fault: Reason }),
  subject: machineSubject,
});

export const StockMissing = defineEvent('StockMissing', {
  type: 'machine.stock.missing',
  description: 'A machine gave out pieces that were not there by the books.',
  data: z.object({
    ...vend,
    /** How many of them were missing in the slot, and how many in the shop's stock. */
    missingInSlot: z.int().nonnegative(),
    missingInStock: z.int().nonnegative(),
  }),
  subject: machineSubject,
});

export const PlaceVend = defineCommand('PlaceVend', {
  type: 'vend.place',
  description: 'Sell one piece out of a slot: see to the money, and have it dispensed.',
  data: z.object({ vendId: EntityId }),
  subject: vendSubject,
});
