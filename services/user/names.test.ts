import { describe, expect, test } from '@jest/globals';
import { PersonName } from './names';

describe('the name of a person', () => {
  test.each([
    'Anna',
    'J. R. R. Tolkien',
    "Miles O'Brien-Smith",
    'José',
    '李小龙',
    'محمد',
    'علی\u200cرضا',
    'Kumar s/o Rajan',
    'Anna 🌻',
  ])('may be %s', (name) => {
    expect(PersonName.parse(name)).toBe(name);
  });

  test.each([
    ['a line break', 'Anna\r\nBcc: eve@example.com'],
    ['a control character', 'Anna\u0000'],
    ['an escape', '\u001b[31mAnna'],
    ['a change of direction', 'Anna\u202egnp.exe'],
    ['an isolate', '\u2066Anna\u2069'],
    ['a character that is not shown', 'An\u200bna'],
    ['a joiner at its end', 'Anna\u200d'],
    ['a byte order mark', '\ufeffAn\ufeffna'],
    ['a separator of lines', 'Anna\u2028Eve'],
    ['half of a character', 'Anna\ud800'],
    ['a scheme', 'see https://evil.example'],
    ['a scheme without slashes', 'javascript:alert'],
    ['a host', 'win at evil.example now'],
    ['a host with another dot', 'evil\u3002example'],
    ['a host in another width', 'evil\uff0eexample'],
    ['www', 'www.evil'],
    ['an address', 'eve@example'],
    ['a tag', '<b>Anna</b>'],
  ])('must not contain %s: %j', (_, name) => {
    expect(PersonName.safeParse(name).success).toBe(false);
  });

  test('is stored in one form, however its characters are composed', () => {
    expect(PersonName.parse(' Jose\u0301 ')).toBe('Jos\u00e9');
  });

  test('has 1 to 100 characters', () => {
    for (const name of ['', '  ', 'n'.repeat(101), 'n'.repeat(10_000)]) {
      expect(PersonName.safeParse(name).success).toBe(false);
    }
  });
});
