import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { type Ledger, LedgerEntry } from './ledger';

const Row = z.object({ key: z.string(), entry: z.string() });

/** A ledger on disk. Like a real provider's, it survives a crash of the process. */
export class LedgerFile implements Ledger {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec('PRAGMA journal_mode = WAL');
    this.#database.exec('CREATE TABLE IF NOT EXISTS ledger (key TEXT PRIMARY KEY, entry TEXT)');
  }

  get(key: string): LedgerEntry | undefined {
    const row = this.#database.prepare('SELECT * FROM ledger WHERE key = ?').get(key);
    return row === undefined ? undefined : entryOf(row)[1];
  }

  set(key: string, entry: LedgerEntry): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO ledger (key, entry) VALUES (?, ?)')
      .run(key, JSON.stringify(entry));
  }

  entries(): [string, LedgerEntry][] {
    return this.#database.prepare('SELECT * FROM ledger ORDER BY key').all().map(entryOf);
  }

  close(): void {
    this.#database.close();
  }
}

function entryOf(row: unknown): [string, LedgerEntry] {
  const { key, entry } = Row.parse(row);
  return [key, LedgerEntry.parse(JSON.parse(entry))];
}
