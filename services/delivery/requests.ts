import { z } from 'zod';
import { Address } from '#retail/address';
import { type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { isMessage } from '@bufbuild/protobuf';
import { fromTimestamp } from '#kit/core/timestamps';
import { Id } from '#kit/core/validation';

const Time = z
  .custom<Timestamp>((value) => isMessage(value, TimestampSchema), 'must be a time')
  .transform(fromTimestamp);

const text = (min: number, max: number) => z.string().trim().min(min).max(max);

/**
 * Of an order that is paid, which may have been stored under earlier rules. Whether it can be reached is
 * checked when the delivery is planned, and is then a refusal that the order compensates.
 */
const AnyAddress = z.object({
  name: text(1, 200),
  line1: text(1, 200),
  line2: text(0, 200).default(''),
  postalCode: text(0, 20),
  city: text(1, 200),
  country: z.string().regex(/^[A-Z]{2}$/, 'must be an ISO 3166-1 code such as DE'),
});

const Currency = z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as EUR');

export const NewQuote = z.object({
  shopId: Id,
  address: Address,
  currency: Currency.optional(),
});

export const DeliveryToPrice = NewQuote.extend({
  currency: Currency,
  quoteId: Id.optional(),
  notBefore: Time.optional(),
});

export const OrderRequest = z.object({ orderId: Id });

export const ScheduleRequest = z.object({
  orderId: Id,
  userId: Id,
  shopId: Id,
  address: AnyAddress,
  notBefore: Time.optional(),
});

export const CancelRequest = OrderRequest.extend({ recall: z.boolean().default(false) });

export const StatusRequest = z.object({
  orderId: Id,
  status: z.enum(['picked_up', 'in_transit', 'delivered']),
});
