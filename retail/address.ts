import { z } from 'zod';
import { Text } from '#kit/core/validation';

/** A delivery address. Personal data: it is passed to the carrier only, and never logged. */
export const Address = z.object({
  name: Text(1, 200),
  line1: Text(1, 200),
  line2: Text(0, 200).default(''),
  postalCode: Text(1, 20),
  city: Text(1, 200),
  country: z.string().regex(/^[A-Z]{2}$/, 'must be an ISO 3166-1 code such as DE'),
});
export type Address = z.output<typeof Address>;
