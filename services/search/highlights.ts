import type { Term } from './query';
import { chunksOf, stemOf } from './words';

export interface Fragment {
  text: string;
  match: boolean;
}

/** The length of an excerpt, in characters, and what it has before its first match. */
const EXCERPT = 160;
const BEFORE = 40;

/** A text in parts, of which those are marked that a search has found. Joined, the parts are the text. */
export function highlighted(terms: readonly Term[], text: string): Fragment[] {
  return fragments(text, matchesIn(terms, text));
}

/** A part of a text with its first match; empty if it has none. */
export function excerpt(terms: readonly Term[], text: string): Fragment[] {
  const matches = matchesIn(terms, text);
  const [first] = matches;
  if (first === undefined) return [];
  const from = boundary(text, first.start - BEFORE, -1);
  const to = boundary(text, from + EXCERPT, 1);
  const inside = matches.filter(({ start, end }) => start >= from && end <= to);
  const shifted = inside.map(({ start, end }) => ({ start: start - from, end: end - from }));
  const parts = fragments(text.slice(from, to), shifted);
  const ellipsis = (at: boolean) => (at ? [{ text: '…', match: false }] : []);
  return [...ellipsis(from > 0), ...parts, ...ellipsis(to < text.length)];
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function matchesIn(terms: readonly Term[], text: string): Range[] {
  const words = new Set<string>();
  const stems = new Set<string>();
  const beginnings: string[] = [];
  for (const { words: typed, others, synonyms, corrections, isPrefix } of terms) {
    for (const word of [...typed, ...others, ...corrections, ...synonyms.flat()]) {
      words.add(word);
      stems.add(stemOf(word));
    }
    const last = typed.at(-1);
    if (isPrefix && last !== undefined) beginnings.push(last);
  }
  const isMatch = (word: string) =>
    words.has(word) ||
    stems.has(stemOf(word)) ||
    beginnings.some((beginning) => word.startsWith(beginning));
  const found = chunksOf(text).flatMap(({ parts, others, start, end }) =>
    others.some(isMatch) ? [{ start, end }] : parts.filter(({ word }) => isMatch(word)),
  );
  return merged(found);
}

/** Ranges in their order, of which neighbours that touch or overlap are one. */
function merged(ranges: readonly Range[]): Range[] {
  const result: { start: number; end: number }[] = [];
  for (const { start, end } of ranges) {
    const last = result.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}

function fragments(text: string, matches: readonly Range[]): Fragment[] {
  const parts: Fragment[] = [];
  let from = 0;
  for (const { start, end } of matches) {
    parts.push({ text: text.slice(from, start), match: false });
    parts.push({ text: text.slice(start, end), match: true });
    from = end;
  }
  parts.push({ text: text.slice(from), match: false });
  return parts.filter((part) => part.text !== '');
}

/** The nearest place from which on a text may be cut: at white space, and never within a character. */
function boundary(text: string, at: number, direction: 1 | -1): number {
  if (at <= 0) return 0;
  if (at >= text.length) return text.length;
  for (let place = at; Math.abs(place - at) < BEFORE; place += direction) {
    if (place <= 0 || place >= text.length) return Math.max(0, Math.min(place, text.length));
    if (/\s/.test(text[place - 1] ?? '')) return place;
  }
  return /[\udc00-\udfff]/.test(text[at] ?? '') ? at - 1 : at;
}
