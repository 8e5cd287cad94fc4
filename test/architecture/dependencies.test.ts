import { expect, test } from '@jest/globals';
import { dependencies } from '../../scripts/docs/dependencies.mjs';
import { read, root } from './tree';

test('docs/dependencies.md is up to date: `npm run docs` would change nothing', () => {
  const picture = dependencies(root);
  expect(picture).toMatch(/\["delivery"\][^]*\["core"\]/);
  expect(read('docs/dependencies.md')).toBe(picture);
});
