import { z } from 'zod';
import { Money } from '#retail/money';
import { Id, PageRequest } from '#kit/core/validation';
import { PaymentMeans } from '#retail/payment-means';

const MOST_SLOTS = 100;
const MOST_PIECES = 1_000;

export const MachineRequest = z.object({ machineId: Id });

const PlannedSlot = z.object({
  slot: Id,
  productId: Id,
  capacity: z.int().min(1).max(MOST_PIECES),
  price: Money.refine(({ amount }) => /[1-9]/.test(amount), {
    path: ['amount'],
    message: 'must be more than 0',
  }).optional(),
});

export const PlanogramRequest = MachineRequest.extend({
  slots: z
    .array(PlannedSlot)
    .min(1)
    .max(MOST_SLOTS)
    .superRefine((slots, faults) => {
      for (const [index, { slot }] of slots.entries()) {
        if (slots.findIndex((one) => one.slot === slot) === index) continue;
        faults.addIssue({ code: 'custom', path: [index, 'slot'], message: 'is there twice' });
      }
    }),
});

export const MachinesRequest = PageRequest.extend({ shopId: Id });

export const RestockRequest = MachineRequest.extend({
  slot: Id,
  quantity: z.int().min(-MOST_PIECES).max(MOST_PIECES),
});

/** What somebody wants to buy, and how it is paid for. */
export const VendRequest = z.object({ machineId: Id, slot: Id, payment: PaymentMeans });

export const VendsRequest = PageRequest.extend({ machineId: Id.optional() });
