import type { Kysely, RawBuilder, Transaction } from 'kysely';

/**
 * The words of a document, by the weight of the field that contains them. A word is a text without white
 * space, already folded: the index compares words as they are.
 */
export interface IndexedWords {
  readonly high: readonly string[];
  readonly middle: readonly string[];
  readonly low: readonly string[];
}

/** A word to find; with `prefix`, all words that begin with it. */
export interface WordMatch {
  readonly word: string;
  readonly prefix?: boolean;
}

/** All words of an alternative are in a document that it matches. */
export type Alternative = readonly WordMatch[];

/** A document matches if, for each term, it matches one of the alternatives. */
export type TextQuery = readonly (readonly Alternative[])[];

/** A word that documents contain, and in how many of them. */
export interface KnownWord {
  readonly word: string;
  readonly documents: number;
}

/**
 * A full-text index of documents with an integer id. A scope, such as a tenant, has a vocabulary of its own;
 * `matches` finds documents of all scopes.
 */
export interface TextIndex {
  /** Adds a document or replaces its words. */
  put<T>(tx: Transaction<T>, scope: string, id: number, words: IndexedWords): Promise<void>;
  /**
   * A subquery with the columns `id` and `rank` (higher is better) of the documents that match. The words
   * are parameters: none is a part of the SQL or of the database's query language.
   */
  matches(query: TextQuery): RawBuilder<{ id: number; rank: number }>;
  /** Words of the scope's vocabulary that resemble a word, the most similar ones among them. */
  similar<T>(db: Kysely<T>, scope: string, word: string): Promise<KnownWord[]>;
  /** The most frequent words of the scope's vocabulary that begin with a text. */
  completions<T>(db: Kysely<T>, scope: string, prefix: string, limit: number): Promise<KnownWord[]>;
}
