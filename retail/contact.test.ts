import { describe, expect, it, test } from '@jest/globals';
import { Email, Phone, PhoneRegion } from './contact';

describe('an e-mail address', () => {
  test.each([
    'anna@example.com',
    'anna!x@example.com',
    'dept/x@example.com',
    "o'brien@example.com",
    'user+tag@example.co.uk',
    '#!$%&*+-/=?^_`{}|~@example.com',
    '1@example.com',
    'a@b.c',
    'a@x-y.example',
    'anna@example.xn--p1ai',
    `${'l'.repeat(64)}@example.com`,
    'é@example.com',
    '用户@example.com',
  ])('may be %s', (email) => {
    expect(Email.parse(email)).toBe(email);
  });

  test.each([
    ['  Anna@Example.COM ', 'anna@example.com'],
    ['anna@bücher.example', 'anna@xn--bcher-kva.example'],
    ['anna@BÜCHER.example', 'anna@xn--bcher-kva.example'],
    ['anna@bu\u0308cher.example', 'anna@xn--bcher-kva.example'],
    ['почта@пример.рф', 'почта@xn--e1afmkfd.xn--p1ai'],
    ['anna@example。com', 'anna@example.com'],
    ['anna@ｅxample.com', 'anna@example.com'],
    ['Jose\u0301@example.com', 'jos\u00e9@example.com'],
  ])('%j is compared as %s', (email, compared) => {
    expect(Email.parse(email)).toBe(compared);
    expect(Email.parse(compared)).toBe(compared);
  });

  test.each([
    '',
    'anna',
    '@example.com',
    'anna@',
    'anna@localhost',
    'anna@example..com',
    'anna@-example.com',
    'anna@example.com.',
    'anna@exa mple.com',
    'anna@exa_mple.com',
    'anna@127.0.0.1',
    'anna@0x7f.1',
    'anna@[127.0.0.1]',
    'anna@example.123',
    '.anna@example.com',
    'anna.@example.com',
    'an..na@example.com',
    'an na@example.com',
    'a@b@example.com',
    'anna@example.com,eve@example.com',
    'anna@example.com;eve@example.com',
    '"anna;eve"@example.com',
    'Anna <anna@example.com>',
    'anna@example.com\r\nBcc: eve@example.com',
    'anna\u0000@example.com',
    'an\u200bna@example.com',
    'anna@exam\u00adple.com',
    'anna@example.com\u202e',
    `${'l'.repeat(65)}@example.com`,
    `anna@${'d'.repeat(64)}.com`,
    `anna@${'d.'.repeat(130)}com`,
    '\ud800@example.com',
  ])('may not be %j', (email) => {
    expect(Email.safeParse(email).success).toBe(false);
  });
});

describe('a phone number', () => {
  const phone = Phone('DE');

  test.each([
    ['+49 30 123456', '+4930123456'],
    ['+4930123456', '+4930123456'],
    ['0049 30 123456', '+4930123456'],
    ['(030) 123456', '+4930123456'],
    ['030/12 34-56', '+4930123456'],
    ['030 – 12\u00a034\u201056', '+4930123456'],
    ['+49 (0)30 123456', '+4930123456'],
    ['+49 (0) 30 / 123.456', '+4930123456'],
    ['tel:+49-30-123456', '+4930123456'],
    ['＋４９ ３０ １２３４５６', '+4930123456'],
    ['+1 (415) 555-2671', '+14155552671'],
    ['+1.415.555.2671', '+14155552671'],
    ['+44 20 7946 0958', '+442079460958'],
    ['+33 (0)6 12 34 56 78', '+33612345678'],
    ['+39 06 12345678', '+390612345678'],
    [' +49 151 00000000 ', '+4915100000000'],
  ])('%s is stored as %s', (text, stored) => {
    expect(phone.parse(text)).toBe(stored);
    expect(phone.parse(stored)).toBe(stored);
  });

  test.each([
    'none',
    '+',
    '110',
    '1-800-FLOWERS',
    '+49 30 123456 ext. 5',
    '+49 30 123456;ext=5',
    'call +49 30 123456',
    '+49 30 123456 now',
    '+49 30\n123456 Bcc',
    '+999 123456',
    '+49 30 1234567890123456',
    '<b>+4930123456</b>',
    '1'.repeat(65),
  ])('may not be %j', (text) => {
    expect(phone.safeParse(text).success).toBe(false);
  });

  it('without a country code is one of the region', () => {
    expect(Phone('LU').parse('27 12 34 56')).toBe('+35227123456');
    expect(Phone('US').parse('(415) 555-2671')).toBe('+14155552671');
  });

  it('stays empty where there is none', () => {
    expect(phone.parse(' ')).toBe('');
  });
});

test('a region is a country that has phone numbers', () => {
  expect(PhoneRegion.parse('DE')).toBe('DE');
  for (const region of ['ZZ', 'de', '', 49])
    expect(PhoneRegion.safeParse(region).success).toBe(false);
});
