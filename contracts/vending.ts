import { z } from 'zod';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { Money } from '#retail/money';
import { EntityId, Quantity, Reason } from '#contracts/fields';

/** A slot of a machine, such as A3. */
const slot = { machineId: EntityId, shopId: EntityId, slot: EntityId };

const vend = { vendId: EntityId, ...slot, productId: EntityId, quantity: Quantity };

const vendSubject = ({ vendId }: { vendId: string }) => vendId;
const machineSubject = ({ machineId }: { machineId: string }) => machineId;

export const VendCompleted = defineEvent('VendCompleted', {
  type: 'vend.completed',
  public: true,
  description: 'A machine dispensed a product and the payment is complete.',
  data: z.object({
    ...vend,
    channel: z.enum(['cash', 'cashless']),
    /** Absent for a cash sale with an unknown price. */
    price: Money.optional(),
    /** Absent for a cash sale. */
    userId: EntityId.optional(),
  }),
  subject: vendSubject,
});

export const VendCancelled = defineEvent('VendCancelled', {
  type: 'vend.cancelled',
  public: true,
  description: 'A vend was cancelled. By the reports of the machine, nothing was dispensed.',
  data: z.object({ ...vend, userId: EntityId, reason: Reason }),
  subject: vendSubject,
});

export const VendUnpaid = defineEvent('VendUnpaid', {
  type: 'vend.unpaid',
  description: 'A machine dispensed a product, but its payment can no longer be captured.',
  data: z.object({ ...vend, price: Money.optional(), reason: Reason }),
  subject: vendSubject,
});

export const SlotFaulted = defineEvent('SlotFaulted', {
  type: 'slot.faulted',
  description: 'A slot of a machine is out of order until it is restocked or repaired.',
  data: z.object({ ...slot, productId: EntityId, fault: Reason }),
  subject: machineSubject,
});

export const StockMissing = defineEvent('StockMissing', {
  type: 'machine.stock.missing',
  description: 'A machine dispensed pieces that its recorded stock did not contain.',
  data: z.object({
    ...vend,
    /** Pieces missing in the recorded stock of the slot, and of the shop. */
    missingInSlot: z.int().nonnegative(),
    missingInStock: z.int().nonnegative(),
  }),
  subject: machineSubject,
});

export const PlaceVend = defineCommand('PlaceVend', {
  type: 'vend.place',
  description:
    'Sell one piece from a slot: authorise the payment and have the machine dispense it.',
  data: z.object({ vendId: EntityId }),
  subject: vendSubject,
});
