import { type Kysely, type RawBuilder, type Transaction, sql } from 'kysely';
import type { KitTables } from './read-store';
import type { IndexedWords, KnownWord, TextIndex, TextQuery } from './text-index';

/**
 * Begins the words that are forms of other words, such as their stems. They are found but are not a part of
 * the vocabulary, because people do not type them.
 */
export const DERIVED = '~';

/** Longer words are not typed, so a typing error in one is not looked for. */
const MAX_WORD = 32;

/** The part of a text index that is the same in every database: the vocabulary of each scope. */
export abstract class TextIndexWithVocabulary implements TextIndex {
  async put<T>(
    given: Transaction<T>,
    scope: string,
    id: number,
    words: IndexedWords,
  ): Promise<void> {
    const tx = kitTables(given);
    const indexed = new Set([...words.high, ...words.middle, ...words.low].filter(isTyped));
    const before = await tx
      .selectFrom('text_documents')
      .select('words')
      .where('id', '=', id)
      .executeTakeFirst();
    const known = new Set(before === undefined ? [] : before.words.split(' '));
    await this.index(tx, id, words);
    await tx
      .insertInto('text_documents')
      .values({ id, scope, words: [...indexed].join(' ') })
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet({ scope, words: [...indexed].join(' ') }),
      )
      .execute();
    // sorted, so that concurrent transactions lock the rows in the same order
    const added = [...indexed.difference(known)].sort();
    const removed = [...known.difference(indexed)].filter((word) => word !== '').sort();
    await this.#count(tx, scope, added);
    await this.#discount(tx, scope, removed);
  }

  async #count(tx: Transaction<KitTables>, scope: string, words: readonly string[]) {
    if (words.length === 0) return;
    const counted = await tx
      .insertInto('vocabulary')
      .values(words.map((word) => ({ scope, word, documents: 1 })))
      .onConflict((conflict) =>
        conflict.columns(['scope', 'word']).doUpdateSet({
          documents: sql<number>`vocabulary.documents + 1`,
        }),
      )
      .returning(['word', 'documents'])
      .execute();
    const isNew = counted.filter(({ documents }) => documents === 1).map(({ word }) => word);
    if (isNew.length > 0) await this.learn(tx, scope, isNew);
  }

  async #discount(tx: Transaction<KitTables>, scope: string, words: readonly string[]) {
    if (words.length === 0) return;
    const left = await tx
      .updateTable('vocabulary')
      .set({ documents: sql<number>`documents - 1` })
      .where('scope', '=', scope)
      .where('word', 'in', words)
      .returning(['word', 'documents'])
      .execute();
    const unused = left.filter(({ documents }) => documents <= 0).map(({ word }) => word);
    if (unused.length === 0) return;
    await tx
      .deleteFrom('vocabulary')
      .where('scope', '=', scope)
      .where('word', 'in', unused)
      .execute();
    await this.forget(tx, scope, unused);
  }

  async completions<T>(given: Kysely<T>, scope: string, prefix: string, limit: number) {
    return (
      kitTables(given)
        .selectFrom('vocabulary')
        .select(['word', 'documents'])
        .where('scope', '=', scope)
        .where('word', '>=', prefix)
        // the last character of Unicode follows every word with this prefix
        .where('word', '<', `${prefix}\u{10ffff}`)
        .orderBy('documents', 'desc')
        .orderBy('word')
        .limit(limit)
        .execute()
    );
  }

  abstract matches(query: TextQuery): RawBuilder<{ id: number; rank: number }>;

  abstract similar<T>(db: Kysely<T>, scope: string, word: string): Promise<KnownWord[]>;

  /** Replaces the words of a document in the index itself. */
  protected abstract index(
    tx: Transaction<KitTables>,
    id: number,
    words: IndexedWords,
  ): Promise<void>;

  /** Prepares `similar` for words that are new in the vocabulary. */
  protected abstract learn(
    tx: Transaction<KitTables>,
    scope: string,
    words: readonly string[],
  ): Promise<void>;

  protected abstract forget(
    tx: Transaction<KitTables>,
    scope: string,
    words: readonly string[],
  ): Promise<void>;
}

/** The tables of the kit, which are in each generation beside those of the read model. */
export function kitTables<T>(db: Transaction<T>): Transaction<KitTables>;
export function kitTables<T>(db: Kysely<T>): Kysely<KitTables>;
export function kitTables<T>(db: Kysely<T>): Kysely<KitTables> {
  // the type of the tables is known to TypeScript only
  return db as unknown as Kysely<KitTables>;
}

function isTyped(word: string): boolean {
  return word !== '' && word.length <= MAX_WORD && !word.startsWith(DERIVED);
}
