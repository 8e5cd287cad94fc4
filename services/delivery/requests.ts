import { z } from 'zod';
import { Address } from '#retail/address';
import { Id } from '#kit/core/validation';

export const OrderRequest = z.object({ orderId: Id });

export const ScheduleRequest = z.object({
  orderId: Id,
  userId: Id,
  shopId: Id,
  address: Address,
});

export const StatusRequest = z.object({
  orderId: Id,
  status: z.enum(['picked_up', 'in_transit', 'delivered']),
});
