import { z } from 'zod';
import { Id, PageRequest } from '#kit/core/validation';
import { PaymentMeans } from '#retail/payment-means';

export const VendRequest = z.object({ machineId: Id, slot: Id, payment: PaymentMeans });

export const VendsRequest = PageRequest.extend({ machineId: Id.optional() });
