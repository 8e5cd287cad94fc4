// Turns text into the words that are compared. Whatever a person types and whatever a seller has written go
// through the same functions.

/** A word of a text as it is compared, and its place in the text. */
export interface Token {
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/**
 * What stands between white space in a text, such as a word, `T-shirt`, `500ml`, or a run of Chinese
 * characters.
 */
export interface Chunk {
  /** Its parts: one for a word; `t` and `shirt` for `T-shirt`; pairs of characters for a script without spaces. */
  readonly parts: readonly Token[];
  /** Other spellings of the whole: `tshirt`, or `mueller` for `müller`. */
  readonly others: readonly string[];
  readonly start: number;
  readonly end: number;
}

/** Emoji, runs of scripts that are written without spaces, and words. */
const PIECE =
  /(?<emoji>\p{RGI_Emoji}|\p{Extended_Pictographic})|(?<run>[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}々〆ー]+)|(?<digits>\p{N}+)|(?<letters>[\p{L}\p{M}]+)/gv;
const JOINER = /^[\-\u2010\u2011._&+'’ʼ/]$/;
const APOSTROPHE = /^['’ʼ]$/;
/** Letters that do not decompose, and the marks that people leave out. */
const LETTERS: Readonly<Record<string, string>> = {
  ...{ ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th', ı: 'i', ς: 'σ', ё: 'е' },
};
const LETTER = /[ßæœøłđðþıςё]/g;
const MARKS = /[\u0300-\u036f\u0591-\u05bd\u064b-\u065f\u0670\u0640]/g;
const UMLAUT = /[äöü]/g;
const SPELLED: Readonly<Record<string, string>> = { ä: 'ae', ö: 'oe', ü: 'ue' };
const VARIANTS = /[\ufe0e\ufe0f\u{1f3fb}-\u{1f3ff}]/gu;

/** A text without what is not compared: case, accents, width, and the form of a character. */
export function folded(text: string): string {
  return lowered(text)
    .replace(LETTER, (letter) => LETTERS[letter] ?? letter)
    .normalize('NFD')
    .replace(MARKS, '')
    .normalize('NFC');
}

function lowered(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

/** The chunks of a text, in its order. */
export function chunksOf(text: string): Chunk[] {
  const chunks: Chunk[] = [];
  let open: Token[] = [];
  let end = 0;
  const close = () => {
    const [first] = open;
    if (first !== undefined)
      chunks.push(chunkOf(open, text.slice(first.start, end), first.start, end));
    open = [];
  };
  for (const { 0: piece, index, groups = {} } of text.matchAll(PIECE)) {
    const between = text.slice(end, index);
    const isApart = open.length > 0 && between !== '' && !JOINER.test(between);
    if (isApart || groups['emoji'] !== undefined || groups['run'] !== undefined) close();
    const pieceEnd = index + piece.length;
    if (groups['emoji'] !== undefined) {
      const word = piece.replace(VARIANTS, '');
      chunks.push({
        parts: [{ word, start: index, end: pieceEnd }],
        others: [],
        start: index,
        end: pieceEnd,
      });
    } else if (groups['run'] !== undefined) {
      chunks.push({ parts: pairs(piece, index), others: [], start: index, end: pieceEnd });
    } else {
      const word = folded(piece);
      const last = open.at(-1);
      // "men's" is one word
      if (last !== undefined && APOSTROPHE.test(between)) {
        open[open.length - 1] = { word: last.word + word, start: last.start, end: pieceEnd };
      } else if (word !== '') open.push({ word, start: index, end: pieceEnd });
    }
    end = pieceEnd;
  }
  close();
  return chunks;
}

function chunkOf(parts: readonly Token[], text: string, start: number, end: number): Chunk {
  const others = new Set<string>();
  if (parts.length > 1) others.add(parts.map(({ word }) => word).join(''));
  const lower = lowered(text);
  if (UMLAUT.test(lower)) {
    const spelled = folded(lower.replace(UMLAUT, (letter) => SPELLED[letter] ?? letter));
    others.add(spelled.replace(/[^\p{L}\p{N}\p{M}]/gu, ''));
  }
  UMLAUT.lastIndex = 0;
  return { parts, others: [...others], start, end };
}

/**
 * Each two neighbouring characters, and the last one: so any part of a run of two or more characters is
 * found by its pairs, and one character as the beginning of a pair.
 */
function pairs(run: string, from: number): Token[] {
  const tokens: Token[] = [];
  const characters = Array.from(run);
  let start = from;
  for (const [index, character] of characters.entries()) {
    const next = characters[index + 1] ?? '';
    const pair = character + next;
    tokens.push({ word: folded(pair), start, end: start + pair.length });
    start += character.length;
  }
  return tokens;
}

/** The words of a text, each once. */
export function wordsOf(text: string): string[] {
  const words = chunksOf(text).flatMap(({ parts, others }) => [
    ...parts.map(({ word }) => word),
    ...others,
  ]);
  return [...new Set(words)];
}

const LATIN = /^[a-z]{4,}$/;

/**
 * A word without the ending of a plural or a case in English, German and languages that form them alike. It
 * need not be a word: it is only compared with other stems.
 */
export function stemOf(word: string): string {
  if (!LATIN.test(word)) return word;
  let stem = word;
  if (stem.length > 4 && /[^sui]s$/.test(stem)) {
    stem = stem.endsWith('ies') ? `${stem.slice(0, -3)}y` : stem.slice(0, -1);
  }
  if (/(el|er)n$/.test(stem)) stem = stem.slice(0, -1);
  if (stem.length >= 6 && stem.endsWith('er')) stem = stem.slice(0, -2);
  else if (stem.length >= 5 && stem.endsWith('en')) stem = stem.slice(0, -2);
  else if (stem.length >= 4 && stem.endsWith('e')) stem = stem.slice(0, -1);
  // knife, knives: by now knif, kniv
  return stem.endsWith('v') ? `${stem.slice(0, -1)}f` : stem;
}

/**
 * The edits that turn one word into another: letters added, removed, replaced, or neighbours exchanged.
 * Returns a number above `max` as soon as it is certain that there are more.
 */
export function editDistance(one: string, other: string, max: number): number {
  const [a, b] = [Array.from(one), Array.from(other)];
  if (Math.abs(a.length - b.length) > max) return max + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of a.entries()) {
    const row = [i + 1];
    for (const [j, candidate] of b.entries()) {
      const at = (cells: readonly number[], column: number) => cells[column] ?? Infinity;
      let cost = Math.min(
        at(last, j) + (letter === candidate ? 0 : 1),
        at(last, j + 1) + 1,
        at(row, j) + 1,
      );
      if (i > 0 && j > 0 && letter === b[j - 1] && a[i - 1] === candidate) {
        cost = Math.min(cost, at(beforeLast, j - 1) + 1);
      }
      row.push(cost);
    }
    if (Math.min(...row) > max) return max + 1;
    [beforeLast, last] = [last, row];
  }
  return last.at(-1) ?? 0;
}
