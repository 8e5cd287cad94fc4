import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { root } from './tree';

/** Tests that a page names: a name in backquotes, then the link to its file. */
function namedTests(page: string): { name: string; file: string }[] {
  const cells = page.split('\n').filter((line) => line.startsWith('| ') && line.includes('`'));
  return cells.flatMap((line) =>
    [...line.matchAll(/((?:`[^`]+`(?: and )?)+) in \[[^\]]+\]\(\.\.\/([^)]+)\)/g)].flatMap(
      ([, names = '', file = '']) =>
        [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => ({ name, file })),
    ),
  );
}

/** Whether a file has a string or a key with this text. */
function contains(file: string, name: string): boolean {
  const path = join(root, file);
  if (!existsSync(path)) return false;
  const text = readFileSync(path, 'utf8');
  return [`'${name}'`, `\`${name}\``, `"${name}"`, `  ${name},`].some((each) =>
    text.includes(each),
  );
}

const PAGE = readFileSync(join(root, 'docs', 'asvs.md'), 'utf8');
const MET = PAGE.slice(0, PAGE.indexOf('## Left to the installation'));

test('each requirement that is met names a test that exists', () => {
  const tests = namedTests(MET);
  const missing = tests.filter(({ name, file }) => !contains(file, name));
  expect(missing).toEqual([]);
  const rows = MET.split('\n').filter((line) => /^\| \d/.test(line));
  expect(rows.length).toBeGreaterThan(50);
  expect(rows.filter((row) => namedTests(row).length === 0)).toEqual([]);
});

test('a test that does not exist is noticed', () => {
  const page =
    '| 1.1.1 | x | `no such test` and `other` in [a.test.ts](../services/user/names.test.ts) |';
  const tests = namedTests(page);
  expect(tests).toEqual([
    { name: 'no such test', file: 'services/user/names.test.ts' },
    { name: 'other', file: 'services/user/names.test.ts' },
  ]);
  expect(tests.filter(({ name, file }) => contains(file, name))).toEqual([]);
  expect(contains('no/such/file.ts', 'x')).toBe(false);
});

test('each requirement is listed once', () => {
  const ids = [...PAGE.matchAll(/^\| ([\d., ]+) \|/gm)].flatMap(([, cell = '']) =>
    cell.split(',').map((id) => id.trim()),
  );
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  // met in part: see the second table
  expect(twice).toEqual(['6.5.5', '7.5.2']);
});

test('the pages about security link each other', () => {
  const security = readFileSync(join(root, 'docs', 'security.md'), 'utf8');
  const report = readFileSync(join(root, 'SECURITY.md'), 'utf8');
  expect(security).toContain('](asvs.md)');
  expect(security).toContain('](../SECURITY.md)');
  expect(report).toContain('](docs/security.md)');
});
