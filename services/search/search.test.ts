import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localReadStore } from '#kit/adapters/read-store/local';
import { searchSemantics } from './testing/search-semantics';

// The same tests run on a database server: test/kit/read-store.test.ts.

searchSemantics(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'search-'));
  let stores = 0;
  return {
    fresh: async () => localReadStore(join(folder, String(++stores)), 'search'),
    close: async () => {
      rmSync(folder, { recursive: true });
    },
  };
});
