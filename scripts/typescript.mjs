// @ts-check
// node --import ./scripts/typescript.mjs test/x.ts: runs a test tool from its sources, compiled in the same
// way as jest does. The services themselves are compiled by `npm run build`.
import { transformSync } from '@swc/core';
import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inProject } from './start/project.mjs';

/** The subpath imports of package.json, resolved to the sources. @type {[RegExp, string][]} */
const SOURCES = [
  [/^#kit\//, 'kit/'],
  [/^#contracts\//, 'contracts/'],
  [/^#retail\//, 'retail/'],
  [/^#proto\//, 'generated/'],
];

registerHooks({
  resolve(specifier, context, next) {
    const source = SOURCES.find(([pattern]) => pattern.test(specifier));
    const file =
      source === undefined
        ? relative(specifier, context.parentURL)
        : `${inProject(specifier.replace(...source))}.ts`;
    return file !== undefined && existsSync(file)
      ? { url: pathToFileURL(file).href, format: 'commonjs', shortCircuit: true }
      : next(specifier, context);
  },
  load(url, context, next) {
    if (!url.endsWith('.ts')) return next(url, context);
    const file = fileURLToPath(url);
    const { code } = transformSync(readFileSync(file, 'utf8'), {
      filename: file,
      jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
      module: { type: 'commonjs' },
      sourceMaps: 'inline',
    });
    return { format: 'commonjs', source: code, shortCircuit: true };
  },
});

/**
 * The source file of a relative import, which has no extension.
 * @param {string} specifier
 * @param {string | undefined} parent
 */
function relative(specifier, parent) {
  if (!specifier.startsWith('.') || parent === undefined) return undefined;
  return `${fileURLToPath(new URL(specifier, parent))}.ts`;
}
