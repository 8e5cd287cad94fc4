import { z } from 'zod';
import { deterministicId } from '#kit/core/deterministic-id';

/**
 * An order in a stock document: 48 bits of the hash of its id. A popular product has more than a
 * thousand at a time, and each change reads and writes all of them.
 */
export const OrderKey = z.string().length(8).brand<'OrderKey'>();
export type OrderKey = z.infer<typeof OrderKey>;

export function orderKeyOf(orderId: string): OrderKey {
  return OrderKey.parse(deterministicId(orderId).slice(0, 8));
}
