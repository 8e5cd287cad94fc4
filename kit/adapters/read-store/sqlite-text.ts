import { type Kysely, type Transaction, sql } from 'kysely';
import type { KitTables } from '../../read-store/read-store';
import type { IndexedWords, KnownWord, TextQuery } from '../../read-store/text-index';
import { TextIndexWithVocabulary, kitTables } from '../../read-store/vocabulary';

/**
 * The tokenizer `ascii` takes every character that is not ASCII as a part of a word, so that letters of all
 * scripts and emoji are found as the service folded them.
 */
export const TEXT_TABLES = `
  create virtual table text_words using fts5(
    high, middle, low,
    content='', contentless_delete=1, tokenize="ascii tokenchars '~'", prefix='2 3 4'
  );
  create table text_documents (id integer primary key, scope text not null, words text not null);
  create table vocabulary (
    scope text not null, word text not null, documents integer not null,
    primary key (scope, word)
  ) without rowid;
  create table word_variants (
    scope text not null, variant text not null, word text not null,
    primary key (scope, variant, word)
  ) without rowid;
`;

interface Tables extends KitTables {
  text_words: { rowid: number; high: string; middle: string; low: string };
  word_variants: { scope: string; variant: string; word: string };
}

/** The most words that `similar` returns. */
const MAX_SIMILAR = 200;

/** The full-text index FTS5. */
export class SqliteTextIndex extends TextIndexWithVocabulary {
  matches(query: TextQuery) {
    return sql<{ id: number; rank: number }>`(
      select rowid as id, -bm25(text_words, 8.0, 3.0, 1.0) as rank
      from text_words where text_words match ${expression(query)}
    )`;
  }

  /**
   * Words with a variant in common: a word without one of its letters, or the word itself. It finds every
   * word at an edit distance of 1, transpositions included, and most of those at 2.
   */
  async similar<T>(db: Kysely<T>, scope: string, word: string): Promise<KnownWord[]> {
    return tablesOf(db)
      .selectFrom('vocabulary')
      .select(['word', 'documents'])
      .where('scope', '=', scope)
      .where('word', 'in', (from) =>
        from
          .selectFrom('word_variants')
          .select('word_variants.word')
          .where('word_variants.scope', '=', scope)
          .where('variant', 'in', variants(word)),
      )
      .orderBy('documents', 'desc')
      .limit(MAX_SIMILAR)
      .execute();
  }

  protected async index(tx: Transaction<KitTables>, id: number, words: IndexedWords) {
    const [high, middle, low] = [words.high, words.middle, words.low].map((of) => of.join(' '));
    await sql`insert or replace into text_words (rowid, high, middle, low)
      values (${id}, ${high}, ${middle}, ${low})`.execute(tx);
  }

  protected async learn(tx: Transaction<KitTables>, scope: string, words: readonly string[]) {
    const rows = words.flatMap((word) =>
      variants(word).map((variant) => ({ scope, variant, word })),
    );
    await tablesOf(tx)
      .insertInto('word_variants')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  protected async forget(tx: Transaction<KitTables>, scope: string, words: readonly string[]) {
    await tablesOf(tx)
      .deleteFrom('word_variants')
      .where('scope', '=', scope)
      .where('variant', 'in', words.flatMap(variants))
      .where('word', 'in', words)
      .execute();
  }
}

function tablesOf<T>(db: Kysely<T>): Kysely<Tables> {
  // the index's own tables are beside those of the kit
  return kitTables(db);
}

function variants(word: string): string[] {
  const letters = Array.from(word);
  return [...new Set([word, ...letters.map((_, index) => letters.toSpliced(index, 1).join(''))])];
}

/** An expression in the query language of FTS5. Each word is a string of that language. */
function expression(query: TextQuery): string {
  return query
    .map((alternatives) => {
      const each = alternatives.map((words) => `(${words.map(text).join(' AND ')})`);
      return `(${each.join(' OR ')})`;
    })
    .join(' AND ');
}

function text({ word, prefix = false }: { word: string; prefix?: boolean }): string {
  return `"${word.replaceAll('"', '""')}"${prefix ? ' *' : ''}`;
}
