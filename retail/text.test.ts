import { describe, expect, it, test } from '@jest/globals';
import { Line, Paragraphs, asLine, comparisonForm } from './text';

const FAMILY = '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}';
const ENGLAND = '\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}';

const SHOWN = [
  'Tea',
  'Tea & more, 50 % (new)',
  'Crème brûlée',
  '李小龙',
  'محمد',
  'علی\u200cرضا',
  'ക്\u200dഷ',
  'Anna 🌻',
  `Family ${FAMILY}`,
  `England ${ENGLAND}`,
  'Love \u2764\ufe0f',
  '\u8fba\u{e0101}',
  '\u0601 1447',
  'ERP of shop.example',
  '🙂',
  '!',
];

const HIDDEN = [
  ['a control character', 'Anna\u0000'],
  ['a control character of the second block', 'An\u0090na'],
  ['an escape', '\u001b[31mAnna'],
  ['a tabulator', 'An\tna'],
  ['a change of direction', 'Anna\u202egnp.exe'],
  ['a mark of direction', 'An\u200fna'],
  ['an isolate', '\u2066Anna\u2069'],
  ['a space without width', 'An\u200bna'],
  ['a soft hyphen', 'An\u00adna'],
  ['a joiner at its end', 'Anna\u200d'],
  ['a joiner between spaces', 'An \u200d na'],
  ['a byte order mark inside', 'An\ufeffna'],
  ['a filler', 'An\u3164na'],
  ['a joiner of graphemes', 'An\u034fna'],
  ['a blank that is a symbol', 'An\u2800na'],
  ['a tag outside of an emoji', 'Anna\u{e0041}'],
  ['a variant of nothing', ' \ufe0fAnna\u0301 \ufe0f'],
  ['half of a character', 'Anna\ud800'],
  ['a private character', 'Anna\ue000'],
  ['a character that does not exist', 'Anna\uffff'],
] as const;

const INVISIBLE = ['', ' ', '\u00a0\u2003', '\u0301', '\u200b', '\u2800', '\u3164', '\ufe0f'];

describe('a text of one line', () => {
  const line = Line(1, 100);

  test.each(SHOWN)('may be %j', (text) => {
    expect(line.parse(text)).toBe(text.normalize('NFC'));
  });

  test.each(HIDDEN)('does not contain %s: %j', (_, text) => {
    expect(line.safeParse(text).success).toBe(false);
  });

  test.each(['\n', '\r\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029'])(
    'does not contain the line break %j',
    (lineBreak) => {
      expect(line.safeParse(`Anna${lineBreak}Bcc: eve@example.com`).success).toBe(false);
    },
  );

  test.each(INVISIBLE)('is visible, and not %j', (text) => {
    expect(line.safeParse(text).success).toBe(false);
  });

  it('may be empty where none is required, but not a text that is invisible', () => {
    expect(Line(0, 10).parse(' ')).toBe('');
    expect(Line(0, 10).safeParse('\u200b').success).toBe(false);
  });

  it('is stored in one form, without white space around it', () => {
    expect(line.parse(' Jose\u0301\n')).toBe('Jos\u00e9');
  });

  it('has a limited length, also before it is normalized', () => {
    expect(line.safeParse('n'.repeat(100)).success).toBe(true);
    expect(line.safeParse('n'.repeat(101)).success).toBe(false);
    expect(line.safeParse(`${' '.repeat(400)}n`).success).toBe(false);
    // NFC makes it three times as long
    expect(line.safeParse('\ufb2c'.repeat(50)).success).toBe(false);
  });
});

describe('a text of several lines', () => {
  const text = Paragraphs(1, 100);

  test.each(SHOWN)('may be %j', (shown) => {
    expect(text.parse(shown)).toBe(shown.normalize('NFC'));
  });

  it('has its lines separated in one way', () => {
    expect(text.parse('a\r\nb\rc\u2028d\u0085e\n\nf')).toBe('a\nb\nc\nd\ne\n\nf');
    expect(text.parse('a\tb')).toBe('a b');
  });

  test.each(HIDDEN.filter(([what]) => what !== 'a tabulator'))(
    'does not contain %s: %j',
    (_, hidden) => {
      expect(text.safeParse(`first\n${hidden}`).success).toBe(false);
    },
  );
});

test.each([
  ['Low stock in A\r\nBcc: eve@example.com', 'Low stock in A Bcc: eve@example.com'],
  ['\u202eslot\u0000 A3', 'slot A3'],
  [`  ${FAMILY.slice(0, 2)} tea `, '\u{1f468} tea'],
])('a composed text becomes one line: %j', (text, line) => {
  expect(asLine(text)).toBe(line);
  expect(Line(0, 500).safeParse(line).success).toBe(true);
});

describe('texts that look the same', () => {
  test.each([
    ['case', 'Tea', 'TEA'],
    ['case, with ß', 'Straße', 'STRASSE'],
    ['case, with the Greek final s', 'ΟΔΟΣ', 'οδος'],
    ['composition', 'Caf\u00e9', 'Cafe\u0301'],
    ['compatibility', 'ﬁsh', 'fish'],
    ['width', 'Ｔｅａ', 'tea'],
    ['mathematical letters', '𝗧𝗲𝗮', 'tea'],
    ['the number of spaces', 'Green  Tea', 'green tea'],
    ['the kind of space', 'Green\u00a0Tea', 'Green\u3000Tea'],
    ['the kind of dash', 'T\u2011shirts', 't\u2013shirts'],
    ['the kind of apostrophe', 'Men\u2019s', "men's"],
    ['characters that are not shown', 'Te\u00ada\u200b', 'tea'],
    ['a Cyrillic word that Latin letters spell', 'ТЕА', 'tea'],
    ['one Cyrillic letter', 'T\u0435a', 'tea'],
    ['a Greek letter', 'Cοffee', 'coffee'],
    ['a Latin letter in a Cyrillic word', 'ч\u0061й', 'чай'],
    ['a Latin letter in a Greek word', 'καφ\u006f', 'καφο'],
    ['case of a Cyrillic word', 'МОРЕ', 'море'],
  ])('have the same form, whatever the %s', (_, one, other) => {
    expect(one).not.toBe(other);
    expect(comparisonForm(one)).toBe(comparisonForm(other));
  });

  test.each([
    ['Modem', 'Modern'],
    ['Tea', 'Teas'],
    ['100', 'IOO'],
    ['чай', 'чан'],
    ['Café', 'Cafe'],
    ['Green Tea', 'GreenTea'],
  ])('are not %s and %s', (one, other) => {
    expect(comparisonForm(one)).not.toBe(comparisonForm(other));
  });

  it('have a form that is its own form', () => {
    for (const text of ['Straße', 'ΟΔΟΣ', 'ТЕА', 'ч\u0061й', '  Ｔｅａ ', 'İstanbul']) {
      expect(comparisonForm(comparisonForm(text))).toBe(comparisonForm(text));
    }
  });
});
