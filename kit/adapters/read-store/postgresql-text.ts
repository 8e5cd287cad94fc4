import { type Kysely, type Transaction, sql } from 'kysely';
import type { KitTables } from '../../read-store/read-store';
import type { IndexedWords, KnownWord, TextQuery } from '../../read-store/text-index';
import { TextIndexWithVocabulary, kitTables } from '../../read-store/vocabulary';

/**
 * `ranked` has only the words of the fields that matter most: it stays small, so that the rank of thousands
 * of documents is computed without reading their texts. The index of `terms` has no list of pending
 * entries, which every query would have to read.
 */
export const TEXT_TABLES = `
  create table text_documents (
    id bigint primary key, scope text not null, words text not null,
    terms tsvector, ranked tsvector
  );
  create index text_terms on text_documents using gin (terms) with (fastupdate = off);
  create table vocabulary (
    scope text not null, word text collate "C" not null, documents integer not null,
    primary key (scope, word)
  );
  create index similar_words on vocabulary using gin (word gin_trgm_ops);
`;

/** The most words that `similar` returns. */
const MAX_SIMILAR = 50;
/** A position in a tsvector is at most this, and a word has at most 256 of them. */
const MAX_POSITION = 16_383;
/** A longer word cannot be stored. */
const MAX_BYTES = 2_046;

/** Full-text search of PostgreSQL with `tsvector`, and `pg_trgm` for words that resemble others. */
export class PostgresqlTextIndex extends TextIndexWithVocabulary {
  matches(query: TextQuery) {
    const expression = sql`${tsquery(query)}::tsquery`;
    return sql<{ id: number; rank: number }>`(
      select id, ts_rank('{0.05, 0.125, 0.375, 1}', ranked, ${expression}) as rank
      from text_documents where terms @@ ${expression}
    )`;
  }

  async similar<T>(db: Kysely<T>, scope: string, word: string): Promise<KnownWord[]> {
    return kitTables(db)
      .selectFrom('vocabulary')
      .select(['word', 'documents'])
      .where('scope', '=', scope)
      .where(sql<boolean>`word % ${word}`)
      .orderBy(sql`similarity(word, ${word})`, 'desc')
      .limit(MAX_SIMILAR)
      .execute();
  }

  protected async index(tx: Transaction<KitTables>, id: number, words: IndexedWords) {
    const high = lexemes(words.high, 'A', 1);
    const middle = lexemes(words.middle, 'B', words.high.length + 1);
    const low = lexemes(words.low, 'D', words.high.length + words.middle.length + 1);
    const ranked = [...high, ...middle].join(' ');
    const terms = [...high, ...middle, ...low].join(' ');
    await sql`insert into text_documents (id, scope, words, terms, ranked)
      values (${id}, '', '', ${terms}::tsvector, ${ranked}::tsvector)
      on conflict (id) do update set terms = excluded.terms, ranked = excluded.ranked`.execute(tx);
  }

  protected learn(): Promise<void> {
    return Promise.resolve();
  }

  protected forget(): Promise<void> {
    return Promise.resolve();
  }
}

function lexemes(words: readonly string[], weight: string, from: number): string[] {
  return words
    .filter((word) => word !== '' && Buffer.byteLength(word) <= MAX_BYTES)
    .map((word, index) => `${quoted(word)}:${Math.min(from + index, MAX_POSITION)}${weight}`);
}

/** An expression in the language of `tsquery`. Each word is a string of that language. */
function tsquery(query: TextQuery): string {
  return query
    .map((alternatives) => {
      const each = alternatives.map((words) => `(${words.map(text).join(' & ')})`);
      return `(${each.join(' | ')})`;
    })
    .join(' & ');
}

function text({ word, prefix = false }: { word: string; prefix?: boolean }): string {
  return `${quoted(word)}${prefix ? ':*' : ''}`;
}

function quoted(word: string): string {
  return `'${word.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
