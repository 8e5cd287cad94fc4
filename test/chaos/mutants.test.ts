import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import ts from 'typescript';

// A mutant patches compiled code by its text. Compiling that one file here shows at once, and without
// a build, that a change of the source has left a mutant behind.

interface Mutant {
  readonly file: string;
  readonly piece: RegExp;
  readonly replacement: string;
}

const FOLDER = join(__dirname, 'mutants');
const names = readdirSync(FOLDER)
  .filter((file) => file !== 'mutant.cjs')
  .map((file) => file.replace(/\.cjs$/, ''));

/** The module as the build compiles it. */
function compiled(file: string): string {
  const source = readFileSync(join(process.cwd(), file.replace(/\.js$/, '.ts')), 'utf8');
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2025 };
  return ts.transpileModule(source, { compilerOptions }).outputText;
}

test.each(names)('the piece that %s replaces occurs once, in a module that stays valid', (name) => {
  // what each of these files exports
  const mutant = createRequire(__filename)(join(FOLDER, `${name}.cjs`)) as Mutant;
  const code = compiled(mutant.file);
  expect(code.match(new RegExp(mutant.piece, 'g'))).toHaveLength(1);
  const mutated = code.replace(mutant.piece, mutant.replacement);
  expect(mutated).not.toBe(code);
  const { diagnostics } = ts.transpileModule(mutated, { reportDiagnostics: true });
  expect(diagnostics).toEqual([]);
});
