// @ts-check
'use strict';
// A mutant is a service with a bug that the invariants must detect. `node --require <mutant>.cjs
// dist/services/x/main.js` runs a service with one piece of its compiled code replaced, so that the
// services themselves need no hook for it. test/chaos/mutants.test.ts checks that each piece still exists.
const Module = require('node:module');

/**
 * @typedef {object} Mutant
 * @property {string} file the compiled module, below dist/
 * @property {RegExp} piece of its code, which must occur exactly once
 * @property {string} replacement as for String.replace
 */

/**
 * Replaces the piece when the module is loaded, if this runs before the main module.
 * @param {Mutant} mutant
 */
function mutant(mutant) {
  if (require.main === undefined) patch(mutant);
  return mutant;
}

/** @param {Mutant} mutant */
function patch({ file, piece, replacement }) {
  // how Node compiles a CommonJS module; not in its types
  const prototype = /** @type {any} */ (Module).prototype;
  const compile = prototype._compile;
  prototype._compile = function (
    /** @type {string} */ code,
    /** @type {string} */ path,
    /** @type {unknown[]} */ ...rest
  ) {
    if (!path.endsWith(`dist/${file}`)) return compile.call(this, code, path, ...rest);
    if (!piece.test(code)) throw new Error(`dist/${file} has no ${piece}: update the mutant`);
    console.error(`mutated dist/${file}`);
    return compile.call(this, code.replace(piece, replacement), path, ...rest);
  };
}

module.exports = { mutant };
