import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { chunksOf, stemOf } from './words';

/** The words of one expression that means the same as others. */
export type Expression = readonly string[];

/** Other expressions for the same thing, by the stems of an expression. */
export class Synonyms {
  readonly #others: ReadonlyMap<string, readonly Expression[]>;
  /** The number of words of the longest expression. */
  readonly longest: number;

  constructor(groups: readonly (readonly Expression[])[]) {
    const others = new Map<string, Expression[]>();
    for (const group of groups) {
      for (const expression of group) {
        const rest = group.filter((other) => keyOf(other) !== keyOf(expression));
        const key = keyOf(expression);
        others.set(key, [...(others.get(key) ?? []), ...rest]);
      }
    }
    this.#others = others;
    this.longest = Math.max(1, ...groups.flat().map(({ length }) => length));
  }

  of(words: Expression): readonly Expression[] {
    return this.#others.get(keyOf(words)) ?? [];
  }
}

function keyOf(words: Expression): string {
  return words.map(stemOf).join(' ');
}

/**
 * Reads a list of synonyms: in each line, expressions that mean the same, separated by commas. `#` begins a
 * comment. Throws an Error that names the line.
 */
export function parseSynonyms(text: string): Synonyms {
  const groups = text.split('\n').flatMap((line, index) => {
    const [content = ''] = line.split('#');
    if (content.trim() === '') return [];
    const group = content
      .split(',')
      .map((part) => chunksOf(part).flatMap(({ parts }) => parts.map(({ word }) => word)));
    if (group.length < 2 || group.some(({ length }) => length === 0)) {
      throw new Error(`line ${index + 1} must have two or more expressions, separated by commas`);
    }
    return [group];
  });
  return new Synonyms(groups);
}

/** The configuration variable that names the file of synonyms. */
export const SynonymsFile = z.string().transform((file, context) => {
  try {
    return parseSynonyms(readFileSync(file, 'utf8'));
  } catch (error) {
    const message = `must name a file of synonyms: ${error instanceof Error ? error.message : ''}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
});
