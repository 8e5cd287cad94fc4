import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import type { Texts } from '../direct/sidecar';

export interface Row {
  readonly json: string;
  readonly etag: string;
}

/** Documents of a service by their keys; undefined stands for a missing one. */
export type Rows = ReadonlyMap<string, Row | undefined>;

/**
 * The documents of a service in the database file of its sidecar, in one transaction that ends with
 * `close`. For a system that is at rest only.
 */
export class FileTexts implements Texts {
  readonly #file: DatabaseSync;
  /** The previous values of all written documents. */
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

  /** Restores the previous values. */
  restore(rows: Rows): void {
    for (const [key, row] of rows) this.#put(key, row);
  }

  /** The current and the previous value of every written key. */
  written(): { now: Rows; before: Rows } {
    const keys = [...this.#before.keys()];
    return { now: new Map(keys.map((key) => [key, this.get(key)])), before: new Map(this.#before) };
  }

  close(): void {
    this.#file.exec('COMMIT');
    // otherwise the sidecar's next write would have to move the write-ahead log into the file
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
