// @ts-check
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  globalIgnores(['dist/', 'generated/', 'coverage/', 'docs/', '.runtime/', '.local/', 'data/']),
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
      // numbers in messages read well enough
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // an async method may satisfy an interface without waiting for anything
      '@typescript-eslint/require-await': 'off',
      // brackets say that a name comes from outside and may not be there
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      // == null is the one way to say null or undefined
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
      // test() of @jest/globals gives no promise, but expect(...).rejects does and must be awaited
      '@typescript-eslint/no-floating-promises': 'error',
      // a test may say that what it made is there
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['**/*.mjs'],
    extends: [tseslint.configs.strict, tseslint.configs.stylistic],
  },
  {
    rules: {
      // what is there to be replaced, or to be ignored, may be empty
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
);
