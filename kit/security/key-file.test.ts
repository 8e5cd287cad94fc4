import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { readConfig } from '../core/config';
import { KeyFile } from './key-file';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'key-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const keyIn = (path: string) =>
  readConfig(z.object({ KEY_FILE: KeyFile }), { KEY_FILE: path }).KEY_FILE;

describe('the file of the master key', () => {
  test('is created at the first start, readable by the service only', () => {
    const path = join(folder, 'made', 'key');
    const key = keyIn(path);
    expect(key).toMatch(/^[\w-]{43}$/);
    expect(readFileSync(path, 'utf8')).toBe(`${key}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'made'))).toEqual(['key']);
  });

  test('is read at every later start', () => {
    const path = join(folder, 'key');
    expect(keyIn(path)).toBe(keyIn(path));
  });

  test('contains a different key for each path', () => {
    expect(keyIn(join(folder, 'one'))).not.toBe(keyIn(join(folder, 'two')));
  });

  test.each(['', 'short\n', `${'k'.repeat(43)}\n${'k'.repeat(43)}\n`])(
    'is refused and left unchanged if it contains %j',
    (text) => {
      const path = join(folder, 'key');
      writeFileSync(path, text);
      expect(() => keyIn(path)).toThrow('KEY_FILE names a file that does not contain a key');
      expect(readFileSync(path, 'utf8')).toBe(text);
    },
  );

  test('is required, and has to be readable', () => {
    expect(() => keyIn('')).toThrow('KEY_FILE');
    expect(() => keyIn(folder)).toThrow('KEY_FILE names a file that cannot be read');
  });
});
