import { z } from 'zod';
import { Line } from '#retail/text';

/** A delivery address. Personal data: it is passed to the carrier only, and never logged. */
export const Address = z.object({
  name: Line(1, 200),
  line1: Line(1, 200),
  line2: Line(0, 200).default(''),
  postalCode: Line(1, 20),
  city: Line(1, 200),
  country: z.string().regex(/^[A-Z]{2}$/, 'must be an ISO 3166-1 code such as DE'),
});
export type Address = z.output<typeof Address>;
