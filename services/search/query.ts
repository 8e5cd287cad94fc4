import type { Alternative, KnownWord, TextQuery } from '#kit/read-store/text-index';
import { DERIVED } from '#kit/read-store/vocabulary';
import type { Synonyms } from './synonyms';
import { type Chunk, chunksOf, editDistance, stemOf } from './words';

/** A text to search for has at most this many words. */
export const MAX_WORDS = 12;

/** Words that are left out where others remain. */
const COMMON = new Set(
  'a an and for from in of on or the to with der die das ein eine und oder mit von für aus im in zu le la les de des du et ou pour avec un une el los las y o con para'
    .split(' ')
    .map((word) => word),
);

/** One thing that a person searches for: a word, or an expression that has synonyms. */
export interface Term {
  /** The words that were typed. Empty for what stands for them only. */
  readonly words: readonly string[];
  /** Other spellings of the whole. */
  readonly others: readonly string[];
  readonly synonyms: readonly (readonly string[])[];
  /** Words of the catalogue that resemble a word that it does not have. */
  readonly corrections: readonly string[];
  /** Whether it may be the beginning of a longer word. */
  readonly isPrefix: boolean;
}

/** The terms of a text. The last one may be incomplete. */
export function termsOf(text: string, synonyms: Synonyms): Term[] {
  const all = chunksOf(text);
  const meaningful = all.filter(({ parts }) => !isCommon(parts.map(({ word }) => word)));
  const chunks = meaningful.length === 0 ? all : meaningful;
  const terms: Term[] = [];
  for (let index = 0; index < chunks.length;) {
    const { count, term } = longestExpression(chunks.slice(index), synonyms);
    index += count;
    terms.push({ ...term, isPrefix: index === chunks.length });
  }
  return terms;
}

function isCommon(words: readonly string[]): boolean {
  return words.every((word) => COMMON.has(word));
}

/** The longest expression at the start that has synonyms, or else the first chunk. */
function longestExpression(chunks: readonly Chunk[], synonyms: Synonyms) {
  for (let count = Math.min(synonyms.longest, chunks.length); count > 0; count--) {
    const some = chunks.slice(0, count);
    const words = some.flatMap(({ parts }) => parts.map(({ word }) => word));
    const found = [words, ...some.flatMap(({ others }) => others.map((word) => [word]))].flatMap(
      (expression) => synonyms.of(expression),
    );
    if (count > 1 && found.length === 0) continue;
    const others = count === 1 ? (some[0]?.others ?? []) : [];
    return { count, term: { words, others, synonyms: found, corrections: [] } };
  }
  throw new Error('there is no chunk');
}

/** The edits that a word of this length may have. */
function maxEdits(word: string): number {
  const { length } = Array.from(word);
  return length < 4 ? 0 : length < 7 ? 1 : 2;
}

/** The most corrections of a word. */
const MAX_CORRECTIONS = 5;

/** The words of the catalogue that a mistyped word most likely stands for. */
export function correctionsOf(word: string, similar: readonly KnownWord[]): string[] {
  const max = maxEdits(word);
  const near = similar
    .map((known) => ({ ...known, edits: editDistance(word, known.word, max) }))
    .filter(({ edits }) => edits <= max);
  const least = Math.min(...near.map(({ edits }) => edits));
  return near
    .filter(({ edits }) => edits === least)
    .sort((one, other) => other.documents - one.documents)
    .slice(0, MAX_CORRECTIONS)
    .map((known) => known.word);
}

/** The query for documents that have all terms. */
export function textQuery(terms: readonly Term[]): TextQuery {
  return terms.map((term) => alternativesOf(term));
}

function alternativesOf({ words, others, synonyms, corrections, isPrefix }: Term): Alternative[] {
  const last = words.length - 1;
  const exactly = words.map((word, index) => ({
    word,
    prefix: isPrefix && index === last && canBegin(word),
  }));
  const single = [...others, ...corrections];
  return [
    exactly,
    words.map((word) => ({ word: stemmed(word) })),
    ...single.map((word) => [{ word, prefix: isPrefix && canBegin(word) }]),
    ...single.map((word) => [{ word: stemmed(word) }]),
    ...synonyms.map((expression) => expression.map((word) => ({ word: stemmed(word) }))),
  ];
}

/** One letter begins too many words; a character of a script without spaces is a word. */
function canBegin(word: string): boolean {
  return (
    word.length > 1 || !/^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{N}]$/u.test(word)
  );
}

/** A stem in the index: apart from the words themselves, which are found first. */
export function stemmed(word: string): string {
  return DERIVED + stemOf(word);
}

/** Whether the terms select so little that nearly every product would match. */
export function isTooBroad(terms: readonly Term[]): boolean {
  return terms.every(({ words }) => words.every((word) => !canBegin(word)));
}
