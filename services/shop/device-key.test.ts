import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { readConfig } from '#kit/core/config';
import { DeviceKeyFile } from './device-key';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'device-key-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const keyIn = (path: string) =>
  readConfig(z.object({ DEVICE_KEY_FILE: DeviceKeyFile }), { DEVICE_KEY_FILE: path })
    .DEVICE_KEY_FILE;

describe('the file of the master key', () => {
  test('is created at the first start, readable by the service only', () => {
    const path = join(folder, 'made', 'device-key');
    const key = keyIn(path);
    expect(key).toMatch(/^[\w-]{43}$/);
    expect(readFileSync(path, 'utf8')).toBe(`${key}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'made'))).toEqual(['device-key']);
  });

  test('is read at every later start', () => {
    const path = join(folder, 'device-key');
    expect(keyIn(path)).toBe(keyIn(path));
  });

  test('contains a different key for each path', () => {
    expect(keyIn(join(folder, 'one'))).not.toBe(keyIn(join(folder, 'two')));
  });

  test.each(['', 'short\n', `${'k'.repeat(43)}\n${'k'.repeat(43)}\n`])(
    'is refused and left unchanged if it contains %j',
    (text) => {
      const path = join(folder, 'device-key');
      writeFileSync(path, text);
      expect(() => keyIn(path)).toThrow('DEVICE_KEY_FILE names a file that does not contain a key');
      expect(readFileSync(path, 'utf8')).toBe(text);
    },
  );

  test('is required, and has to be readable', () => {
    expect(() => keyIn('')).toThrow('DEVICE_KEY_FILE');
    expect(() => keyIn(folder)).toThrow('DEVICE_KEY_FILE names a file that cannot be read');
  });
});
