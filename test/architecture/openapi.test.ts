import { expect, test } from '@jest/globals';
import { join } from 'node:path';
import { lintFromString, loadConfig } from '@redocly/openapi-core';
import { read, root } from './tree';

/** Errors and warnings of Redocly's recommended rules, and the exceptions that were applied. */
async function problemsOf(document: string) {
  const config = await loadConfig({ configPath: join(root, 'redocly.yaml') });
  const absoluteRef = join(root, 'docs/openapi.json');
  const problems = await lintFromString({ source: document, absoluteRef, config });
  const textsOf = (ignored: boolean) =>
    problems
      .filter((problem) => (problem.ignored ?? false) === ignored)
      .map(({ ruleId, message }) => `${ruleId}: ${message}`);
  return { found: textsOf(false), ignored: textsOf(true) };
}

test('docs/openapi.json passes the recommended rules of Redocly without a warning', async () => {
  const { found, ignored } = await problemsOf(read('docs/openapi.json'));
  expect(found).toEqual([]);
  // the exceptions are still needed: the paths are tried in a defined order, see routes/table.test.ts
  expect(ignored).toEqual(Array(4).fill(expect.stringMatching(/^no-ambiguous-paths:/)));
});

test.each([
  ['an operation without security', '"security": []', '"x-security": []', 'security-defined'],
  [
    'a parameter that is not defined',
    '#/components/parameters/Prefer',
    '#/no',
    'no-unresolved-refs',
  ],
  [
    'an operation without a summary',
    '"summary": "Lists',
    '"x-summary": "Lists',
    'operation-summary',
  ],
  ['a document without a licence', '"license":', '"x-license":', 'info-license'],
])('%s is caught', async (_, text, wrong, rule) => {
  const document = read('docs/openapi.json');
  expect(document).toContain(text);
  const { found } = await problemsOf(document.replaceAll(text, wrong));
  expect(found.some((each) => each.startsWith(`${rule}:`))).toBe(true);
});
