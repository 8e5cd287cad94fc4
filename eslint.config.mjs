// @ts-check
import { defineConfig, globalIgnores } from 'eslint/config';
import regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';

export default defineConfig(
  globalIgnores([
    ...['dist/', 'generated/', 'coverage/', 'docs/', 'data/'],
    ...['.runtime/', '.local/', '.kubernetes/'],
  ]),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { project: './tsconfig.test.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      // Numbers format well in messages.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // An async method may implement an interface without awaiting anything.
      '@typescript-eslint/require-await': 'off',
      // Brackets mark a name that comes from outside the program and may be missing.
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      // `== null` is how this code tests for null or undefined.
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Export by name.' },
        { selector: 'ExportAllDeclaration', message: 'Import from the file that defines it.' },
      ],
    },
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts'],
    rules: {
      // test() of @jest/globals returns no promise, but expect(...).rejects does and must be awaited.
      '@typescript-eslint/no-floating-promises': 'error',
      // A test may assert that a value it created exists.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    // What meets text from outside must not take time that grows faster than the text.
    files: ['kit/**', 'contracts/**', 'retail/**', 'services/**'],
    ignores: ['**/*.test.ts'],
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential' }],
    },
  },
  {
    files: ['**/*.mjs'],
    extends: [tseslint.configs.strict, tseslint.configs.stylistic],
  },
  {
    rules: {
      // Placeholders and ignored callbacks may be empty.
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
);
