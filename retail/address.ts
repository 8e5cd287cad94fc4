import { z } from 'zod';
import { Line } from '#retail/text';
import { Country } from './country';
import { normalisePostalCode } from './postal-code';

/**
 * A delivery address, with its country and postal code as the post writes them. Personal data: it is
 * passed to the carrier only, and never logged.
 */
export const Address = z
  .object({
    name: Line(1, 200),
    line1: Line(1, 200),
    line2: Line(0, 200).default(''),
    postalCode: z.string().max(20).default(''),
    city: Line(1, 200),
    country: Country,
  })
  .transform((address, issues) => {
    const postalCode = normalisePostalCode(address.country, address.postalCode);
    if (postalCode !== undefined) return { ...address, postalCode };
    const isEmpty = address.postalCode.trim() === '';
    const message = isEmpty ? 'must not be empty' : `must be a postal code of ${address.country}`;
    issues.addIssue({ code: 'custom', path: ['postalCode'], message });
    return z.NEVER;
  });
export type Address = z.output<typeof Address>;
