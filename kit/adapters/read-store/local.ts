import type { ReadStore } from '../../read-store/read-store';
import { SqliteReadStore } from './sqlite';

/** The read store that needs no server: for tests and measurements. */
export function localReadStore(folder: string, model: string): ReadStore {
  return new SqliteReadStore(folder, model);
}
