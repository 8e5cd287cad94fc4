const PLACEHOLDERS: Readonly<Record<string, string>> = { '9': '\\d', A: '[A-Z]', X: '[A-Z\\d]' };

/**
 * The formats of postal codes by country, from the addressing systems of the Universal Postal Union:
 * 9 is a digit, A a letter, X either. Spaces and hyphens are omitted.
 */
const FORMATS: Readonly<Record<string, readonly RegExp[]>> = {
  ...formatsOf('IS', '999'),
  ...formatsOf('AT BE BG CH CY DK HU LI LU LV NO SI', '9999'),
  ...formatsOf('CZ DE EE ES FI FR GR HR IT LT PL SE SK', '99999'),
  ...formatsOf('RO', '999999'),
  ...formatsOf('PT', '9999999'),
  ...formatsOf('US', '99999', '999999999'),
  ...formatsOf('NL', '9999AA'),
  ...formatsOf('MT', 'AAA9999'),
  ...formatsOf('IE', 'AXXXXXX'),
  ...formatsOf('GB', 'A99AA', 'A999AA', 'AA99AA', 'AA999AA', 'A9A9AA', 'AA9A9AA'),
};

/** For countries that are not listed. */
const ANY_FORMAT = [/^[A-Z\d]{3,10}$/];

/** Whether the text has the format of the country's postal codes. Only zeros are not accepted. */
export function isPostalCode(country: string, text: string): boolean {
  const code = text.toUpperCase().replace(/[ -]/g, '');
  // the country code may come first: LV-1010
  const codes = code.startsWith(country) ? [code, code.slice(country.length)] : [code];
  const formats = FORMATS[country] ?? ANY_FORMAT;
  return codes.some((one) => !/^0+$/.test(one) && formats.some((format) => format.test(one)));
}

function formatsOf(countries: string, ...formats: string[]): Record<string, RegExp[]> {
  const patterns = formats.map(
    (format) => new RegExp(`^${format.replace(/[9AX]/g, (sign) => PLACEHOLDERS[sign] ?? sign)}$`),
  );
  return Object.fromEntries(countries.split(' ').map((country) => [country, patterns]));
}
