import { postcodeValidator, postcodeValidatorExistsForCountry } from 'postcode-validator';
import { countrySignsOf } from './country';

/** For countries that the data has no format for, with and without postal codes. */
const ANY_FORMAT = /^[A-Z\d]{0,10}$/;

/** After how many characters the post of a country writes a space; from the end if negative. */
const SPACE_AFTER: Readonly<Record<string, number>> = {
  CA: 3,
  CZ: 3,
  GB: -3,
  GG: -3,
  GR: 3,
  IE: 3,
  IM: -3,
  JE: -3,
  MT: 3,
  NL: 4,
  SE: 3,
  SK: 3,
};

/**
 * The postal code as the post of its country writes it: `s-111 20` in SE is `111 20`. Undefined if it is
 * not one. Accepts lower case, any spaces and dashes, and the sign of the country in front.
 */
export function normalisePostalCode(country: string, text: string): string | undefined {
  // NFKC makes full-width digits and no-break spaces plain ones
  const plain = text
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s\p{Dash_Punctuation}\u2212]/gu, '');
  if (!/^[A-Z\d]*$/.test(plain) || /^0+$/.test(plain)) return undefined;
  if (!postcodeValidatorExistsForCountry(country)) {
    return ANY_FORMAT.test(plain) ? plain : undefined;
  }
  const spellings = [...withoutSign(country, plain), plain].flatMap((code) => [
    withSpace(country, code),
    code,
    ...withHyphen(code),
  ]);
  return spellings.find((code) => postcodeValidator(code, country));
}

function withoutSign(country: string, code: string): string[] {
  const signs = countrySignsOf(country).filter((sign) => code.startsWith(sign));
  return signs.map((sign) => code.slice(sign.length)).filter((rest) => !/^0*$/.test(rest));
}

function withSpace(country: string, code: string): string {
  const at = SPACE_AFTER[country];
  return at === undefined ? code : `${code.slice(0, at)} ${code.slice(at)}`;
}

/** The code with a hyphen at each position: a few countries write one. */
function withHyphen(code: string): string[] {
  return Array.from({ length: Math.max(0, code.length - 1) }, (_, index) => {
    const at = index + 1;
    return `${code.slice(0, at)}-${code.slice(at)}`;
  });
}
