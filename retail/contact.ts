import { domainToASCII } from 'node:url';
import { isEmailValid } from '@hapi/address';
import {
  type CountryCode,
  isSupportedCountry,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/min';
import { z } from 'zod';
import { isShown } from '#retail/text';

// How people are reached. Personal data: never logged.

const MAX_EMAIL = 254;

/**
 * An e-mail address as RFC 5321, 5322 and 6531 allow it, in the form in which addresses are compared: in
 * lower case, in NFC, and with the domain in A-labels (`xn--...`).
 *
 * Not accepted are local parts in quotation marks, which may contain the characters at which mail programs
 * separate recipients, and hosts that are not domain names.
 */
export const Email = z
  .string()
  .max(MAX_EMAIL)
  .transform(normalizedEmail)
  .pipe(
    z
      .string()
      .max(MAX_EMAIL)
      .refine((email) => isShown(email) && isEmailValid(email), 'must be an e-mail address'),
  );

/** The text itself if it is not an address. */
function normalizedEmail(text: string): string {
  const email = text.trim().normalize('NFC').toLowerCase();
  const at = email.lastIndexOf('@');
  const host = email.slice(at + 1);
  if (at < 0 || !isShown(host)) return email;
  // empty if it is not a domain name
  return `${email.slice(0, at + 1)}${domainToASCII(host)}`;
}

/** A country by its ISO 3166-1 code, whose phone numbers may be written without the country code. */
export const PhoneRegion = z.custom<CountryCode>(
  (value) => typeof value === 'string' && isSupportedCountry(value),
  'must be an ISO 3166-1 code such as DE',
);

/**
 * A phone number in E.164 (`+4930123456`), from any usual form, such as `+49 (0)30 12 34-56` or
 * `tel:+49-30-123456`. A number without a country code is one of the region. A blank text, which stands
 * for no number, becomes empty.
 */
export function Phone(region: CountryCode) {
  return z
    .string()
    .max(64)
    .transform((text, issues) => {
      const given = text.trim().replace(/^tel:/i, '');
      if (given === '') return '';
      const number = parsePhoneNumberFromString(given, { defaultCountry: region, extract: false });
      if (number?.isPossible() === true && number.ext === undefined) return number.number;
      issues.addIssue('must be a phone number without an extension, such as +49 30 123456');
      return z.NEVER;
    });
}
