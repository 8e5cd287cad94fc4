import { z } from 'zod';
import { Price } from '#retail/money';
import { Id, PageRequest } from '#kit/core/validation';

const MAX_SLOTS = 100;
const MAX_PIECES = 1_000;

export const MachineRequest = z.object({ machineId: Id });

const PlannedSlot = z.object({
  slot: Id,
  productId: Id,
  capacity: z.int().min(1).max(MAX_PIECES),
  price: Price.optional(),
});

export const PlanogramRequest = MachineRequest.extend({
  slots: z
    .array(PlannedSlot)
    .min(1)
    .max(MAX_SLOTS)
    .superRefine((slots, issues) => {
      for (const [index, { slot }] of slots.entries()) {
        if (slots.findIndex((one) => one.slot === slot) === index) continue;
        issues.addIssue({ code: 'custom', path: [index, 'slot'], message: 'appears twice' });
      }
    }),
});

export const MachinesRequest = PageRequest.extend({ shopId: Id });

export const RestockRequest = MachineRequest.extend({
  slot: Id,
  quantity: z.int().min(-MAX_PIECES).max(MAX_PIECES),
});
