import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { packageFile } from '../../core/config';
import { openReadStore } from './component';
import { PostgresqlReadStore } from './postgresql';
import { SqliteReadStore } from './sqlite';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'component-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const written = (type: string, metadata: Readonly<Record<string, string>>) => {
  const file = join(folder, 'component.yaml');
  const entries = Object.entries(metadata).map(([name, value]) => ({ name, value }));
  // JSON is YAML
  writeFileSync(file, JSON.stringify({ kind: 'ReadStore', spec: { type, metadata: entries } }));
  return file;
};

describe('the file that READ_STORE names', () => {
  test('opens files in a folder', async () => {
    const store = openReadStore(written('readstore.sqlite', { folder }), 'search', {});
    expect(store).toBeInstanceOf(SqliteReadStore);
    await store.close();
  });

  test('of this project opens PostgreSQL, without waiting for it', async () => {
    const file = packageFile('components', 'read-store', 'postgresql.yaml');
    const store = openReadStore(file, 'search', { READ_STORE_PASSWORD: 'x' });
    expect(store).toBeInstanceOf(PostgresqlReadStore);
    await store.close();
  });

  test.each([
    ['readstore.other', {}, /spec\.type must be/],
    ['readstore.sqlite', {}, /folder is missing/],
    ['readstore.sqlite', { folder: 'data', host: 'x' }, /host is unknown/],
    ['readstore.postgresql', { host: 'h', port: 'x' }, /port must be a whole number/],
  ])('is refused with the name of the wrong field: %s %j', (type, metadata, message) => {
    expect(() => openReadStore(written(type, metadata), 'search', {})).toThrow(message);
  });

  test('is required, and must exist', () => {
    expect(() => openReadStore(undefined, 'search', {})).toThrow(/READ_STORE is missing/);
    expect(() => openReadStore(join(folder, 'no.yaml'), 'search', {})).toThrow(/cannot be read/);
  });
});
