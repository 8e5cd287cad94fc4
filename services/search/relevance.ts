import type { Term } from './query';
import { stemOf, wordsOf } from './words';

/** How well the words of a field have a term. */
const EXACT = 1;
const STEM = 0.9;
const BEGINNING = 0.7;
const SYNONYM = 0.6;
const CORRECTION = 0.55;

const CATEGORY = 0.45;
/** Of a term that neither the name nor the category has: so the description has it. */
const DESCRIPTION = 0.15;
/** The share of the name that the terms make up counts this much. */
const COMPLETENESS = 0.35;
const AVAILABLE = 0.05;

interface Candidate {
  readonly name: string;
  readonly category: string;
  readonly available: boolean;
}

/**
 * How well a product answers a search. Every database ranks by its own formula; the best of its matches are
 * ordered by this one, so that they are in the same order on each.
 */
export function relevanceOf(
  terms: readonly Term[],
  { name, category, available }: Candidate,
): number {
  const names = fieldOf(name);
  const categories = fieldOf(category);
  let score = 0;
  let matched = 0;
  for (const term of terms) {
    const inName = matchOf(term, names);
    const best = Math.max(inName, CATEGORY * matchOf(term, categories), DESCRIPTION);
    if (inName > 0) matched += Math.max(1, term.words.length);
    score += best;
  }
  const completeness = Math.min(1, matched / Math.max(1, names.words.length));
  return (
    score / Math.max(1, terms.length) + COMPLETENESS * completeness + (available ? AVAILABLE : 0)
  );
}

interface Field {
  readonly words: readonly string[];
  readonly known: ReadonlySet<string>;
  readonly stems: ReadonlySet<string>;
}

function fieldOf(text: string): Field {
  const words = wordsOf(text);
  return { words, known: new Set(words), stems: new Set(words.map(stemOf)) };
}

function matchOf({ words, others, synonyms, corrections, isPrefix }: Term, field: Field): number {
  const has = (word: string) => field.known.has(word);
  const hasStem = (word: string) => field.stems.has(stemOf(word));
  if (words.every(has) || others.some(has)) return EXACT;
  if (words.every(hasStem) || others.some(hasStem)) return STEM;
  const last = words.at(-1) ?? '';
  if (isPrefix && words.slice(0, -1).every(hasStem)) {
    if (field.words.some((word) => word.startsWith(last))) return BEGINNING;
  }
  if (synonyms.some((expression) => expression.every(hasStem))) return SYNONYM;
  return corrections.some(hasStem) ? CORRECTION : 0;
}
