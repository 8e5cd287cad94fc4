import { z } from 'zod';

// Text that people write. Schemas of requests use these types; schemas of stored documents do not, so
// that a document that was stored under earlier rules stays readable.

/**
 * Characters that are not shown or change how others are shown: control, format, private, unassigned and
 * ignorable characters, half surrogate pairs, line separators, and a blank that is a symbol.
 */
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
/**
 * Where such a character belongs to the spelling: in an emoji, as a joiner or vowel separator between
 * letters (Persian, Indic scripts, Mongolian), as a variant of the character before it, and as a sign
 * around Arabic or Syriac numbers.
 */
const SPELLED =
  /\p{RGI_Emoji}|(?<=[\p{L}\p{M}])[\u200c\u200d\u180e](?=[\p{L}\p{M}])|(?<=[\p{L}\p{N}\p{P}\p{S}])[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]|[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}]/gv;
/** A mark alone is not visible as a text. */
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;
const LINE_BREAK = /\r\n?|[\n\v\f\u0085\u2028\u2029]/g;

/** Whether every character of a text is shown. Line breaks are not. */
export function isShown(text: string): boolean {
  return !HIDDEN.test(text.replace(SPELLED, ''));
}

/** Surrounding white space does not count. NFC can lengthen a text, so it is bounded before and after. */
function normalized(min: number, max: number, normalize: (text: string) => string) {
  return z
    .string()
    .max(max * 4)
    .transform((text) => normalize(text.normalize('NFC')).trim())
    .pipe(
      z
        .string()
        .min(min)
        .max(max)
        .refine((text) => text === '' || VISIBLE.test(text), {
          error: 'must contain a visible character',
          abort: true,
        }),
    );
}

/** A text of one line, of `min` to `max` characters in NFC, all of which are shown. */
export function Line(min: number, max: number) {
  return normalized(min, max, (text) => text).refine(
    isShown,
    'must be one line without control characters or characters that are not shown',
  );
}

/** As Line, with line breaks, which become `\n`. A tabulator becomes a space. */
export function Paragraphs(min: number, max: number) {
  return normalized(min, max, (text) =>
    text.replace(LINE_BREAK, '\n').replaceAll('\t', ' '),
  ).refine(
    (text) => text.split('\n').every(isShown),
    'must not contain control characters or characters that are not shown',
  );
}

/**
 * A text as one line, for a place such as the subject of an e-mail: what Line would refuse becomes a space.
 * For texts that are composed of ids and codes from other systems.
 */
export function asLine(text: string): string {
  const shown = Array.from(text.normalize('NFC'), (char) => (isShown(char) ? char : ' ')).join('');
  return shown.replace(/\s+/g, ' ').trim();
}

/** Pairs of letters that look the same in upper or lower case, such as the Cyrillic and the Latin A. */
const LOOKALIKES = {
  Cyrillic: 'аaвbсcԁdеeһhнhіiјjкkӏlмmоoрpԛqѕsтtԝwхxуyүyѵv',
  Greek: 'αaβbεeζzηhιiκkμmνnοoρpτtυyχx',
} as const;
type Script = keyof typeof LOOKALIKES;

const TO_LATIN = new Map<string, string>();
const FROM_LATIN: Record<Script, Map<string, string>> = { Cyrillic: new Map(), Greek: new Map() };
for (const script of ['Cyrillic', 'Greek'] as const) {
  for (const [, other = '', latin = ''] of LOOKALIKES[script].matchAll(/(.)(.)/gu)) {
    TO_LATIN.set(other, latin);
    if (!FROM_LATIN[script].has(latin)) FROM_LATIN[script].set(latin, other);
  }
}
const NOT_LATIN = /[\p{Script=Cyrillic}\p{Script=Greek}]/u;
const NOT_OF: Record<Script, RegExp> = {
  Cyrillic: /[\p{Script=Latin}\p{Script=Greek}]/u,
  Greek: /[\p{Script=Latin}\p{Script=Cyrillic}]/u,
};

/**
 * The form in which two texts are equal that look the same: whatever the case, width, composition, spaces,
 * kind of dash and apostrophe, and the alphabet of a word that several alphabets can spell.
 *
 * It is not the skeleton of UTS 39, which is for identifiers of one case: that is equal also for `modem`
 * and `modern`, and different for a Cyrillic word in upper and in lower case.
 */
export function comparisonForm(text: string): string {
  const plain = text
    .normalize('NFKC')
    .replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu, '')
    .replace(/\p{Pd}|\u2212/gu, '-')
    .replace(/[\u2018\u2019\u02bc\u0060\u00b4]/g, "'")
    .replace(/[\p{Z}\s]+/gu, ' ')
    .trim();
  // the upper case first: it has one spelling for ß and ss, and for both forms of the Greek s
  const folded = plain.toUpperCase().toLowerCase().normalize('NFC');
  return folded.replace(/[\p{L}\p{M}]+/gu, inOneAlphabet);
}

/** A word in Latin letters if all of its letters have one, else in the alphabet that all of them have. */
function inOneAlphabet(word: string): string {
  if (!NOT_LATIN.test(word)) return word;
  const latin = mapped(word, TO_LATIN);
  if (!NOT_LATIN.test(latin)) return latin;
  for (const script of ['Cyrillic', 'Greek'] as const) {
    const spelled = mapped(latin, FROM_LATIN[script]);
    if (!NOT_OF[script].test(spelled)) return spelled;
  }
  return word;
}

function mapped(word: string, letters: ReadonlyMap<string, string>): string {
  return Array.from(word, (letter) => letters.get(letter) ?? letter).join('');
}
