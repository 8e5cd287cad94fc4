// @ts-check
import { chmodSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The umask of every process that is started: only this user can read and write the files that it creates. */
export const PRIVATE = 0o077;

/**
 * Makes a folder, and all files in it from earlier starts, accessible to this user only.
 * @param {string} folder is created if it is missing
 */
export function makePrivate(folder) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  restrict(folder);
}

/** @param {string} path */
function restrict(path) {
  try {
    const stats = lstatSync(path);
    if (stats.isSymbolicLink()) return;
    if ((stats.mode & PRIVATE) !== 0) chmodSync(path, stats.mode & 0o7777 & ~PRIVATE);
    if (stats.isDirectory()) for (const name of readdirSync(path)) restrict(join(path, name));
  } catch {
    // It was removed meanwhile, or belongs to another user.
  }
}
