import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readStoreSemantics } from '../../testing/read-store-semantics';
import { SqliteReadStore } from './sqlite';

// The same tests run on PostgreSQL: test/kit/read-store.test.ts.

readStoreSemantics(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'read-store-'));
  return {
    connect: (model) => new SqliteReadStore(folder, model),
    close: async () => {
      rmSync(folder, { recursive: true });
    },
  };
});
