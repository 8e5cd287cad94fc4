// @ts-check
'use strict';
// A bug for the checker to find: `node --require <plant>.cjs dist/services/x/main.js` runs a service
// with one piece of its compiled code replaced. What runs for users has no hook for this.
const Module = require('node:module');

/**
 * @param {string} file the end of the path of a compiled module
 * @param {string} piece of its code, which must be there
 * @param {string} instead
 */
function plant(file, piece, instead) {
  // how Node compiles a CommonJS module; not in its types
  const prototype = /** @type {any} */ (Module).prototype;
  const compile = prototype._compile;
  prototype._compile = function (
    /** @type {string} */ code,
    /** @type {string} */ path,
    /** @type {unknown[]} */ ...rest
  ) {
    if (!path.endsWith(file)) return compile.call(this, code, path, ...rest);
    if (!code.includes(piece)) throw new Error(`${file} has no ${piece}: the plant is out of date`);
    console.error(`planted in ${file}`);
    return compile.call(
      this,
      code.replace(piece, () => instead),
      path,
      ...rest,
    );
  };
}

module.exports = { plant };
