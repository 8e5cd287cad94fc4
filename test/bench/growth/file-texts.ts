import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import type { Texts } from '../direct/sidecar';

export interface Row {
  readonly json: string;
  readonly etag: string;
}

/** Documents of a service by their keys; undefined stands for one that is not there. */
export type Rows = ReadonlyMap<string, Row | undefined>;

/**
 * The documents of a service in the very file in which its sidecar keeps them, in one transaction
 * that ends with `close`. It is for a system in which nothing is going on.
 */
export class FileTexts implements Texts {
  readonly #file: DatabaseSync;
  /** What was there before, of all that was written. */
  readonly #before = new Map<string, Row | undefined>();

  constructor(
    folder: string,
    private readonly appId: string,
  ) {
    this.#file = new DatabaseSync(`${folder}/${appId}.db`, { timeout: 10_000 });
    this.#file.exec('BEGIN IMMEDIATE');
  }

  get(key: string): Row | undefined {
    const row = this.#file
      .prepare('SELECT value, etag FROM state WHERE key = ?')
      .get(`${this.appId}||${key}`);
    return row && { json: String(row['value']), etag: String(row['etag']) };
  }

  set(key: string, json: string): void {
    this.#put(key, { json, etag: randomUUID() });
  }

  delete(key: string): void {
    this.#put(key, undefined);
  }

  /** Brings back what was there. */
  restore(rows: Rows): void {
    for (const [key, row] of rows) this.#put(key, row);
  }

  /** What stands under every key that was written so far, and what stood there before. */
  written(): { now: Rows; before: Rows } {
    const keys = [...this.#before.keys()];
    return { now: new Map(keys.map((key) => [key, this.get(key)])), before: new Map(this.#before) };
  }

  close(): void {
    this.#file.exec('COMMIT');
    // what is left in the log, the sidecar's next write would have to move into the file
    this.#file.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    this.#file.close();
  }

  #put(key: string, row: Row | undefined): void {
    if (!this.#before.has(key)) this.#before.set(key, this.get(key));
    const named = `${this.appId}||${key}`;
    if (row === undefined) {
      this.#file.prepare('DELETE FROM state WHERE key = ?').run(named);
    } else {
      this.#file
        .prepare('REPLACE INTO state (key, value, is_binary, etag) VALUES (?, ?, 0, ?)')
        .run(named, row.json, row.etag);
    }
  }
}
