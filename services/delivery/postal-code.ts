const SIGNS: Readonly<Record<string, string>> = { '9': '\\d', A: '[A-Z]', X: '[A-Z\\d]' };

/**
 * The forms of postal codes by country, after the addressing systems of the Universal Postal Union:
 * 9 is a digit, A a letter, X either. Spaces and hyphens are left out.
 */
const FORMS: Readonly<Record<string, readonly RegExp[]>> = {
  ...each('IS', '999'),
  ...each('AT BE BG CH CY DK HU LI LU LV NO SI', '9999'),
  ...each('CZ DE EE ES FI FR GR HR IT LT PL SE SK', '99999'),
  ...each('RO', '999999'),
  ...each('PT', '9999999'),
  ...each('US', '99999', '999999999'),
  ...each('NL', '9999AA'),
  ...each('MT', 'AAA9999'),
  ...each('IE', 'AXXXXXX'),
  ...each('GB', 'A99AA', 'A999AA', 'AA99AA', 'AA999AA', 'A9A9AA', 'AA9A9AA'),
};

/** Of a country whose form is not listed. */
const ANY = [/^[A-Z\d]{3,10}$/];

/** Whether this can be a postal code of the country: it has its form, and is no row of zeros. */
export function isPostalCode(country: string, text: string): boolean {
  const code = text.toUpperCase().replace(/[ -]/g, '');
  // the country's own code may stand before it: LV-1010
  const codes = code.startsWith(country) ? [code, code.slice(country.length)] : [code];
  const forms = FORMS[country] ?? ANY;
  return codes.some((one) => !/^0+$/.test(one) && forms.some((form) => form.test(one)));
}

function each(countries: string, ...forms: string[]): Record<string, RegExp[]> {
  const patterns = forms.map(
    (form) => new RegExp(`^${form.replace(/[9AX]/g, (sign) => SIGNS[sign] ?? sign)}$`),
  );
  return Object.fromEntries(countries.split(' ').map((country) => [country, patterns]));
}
