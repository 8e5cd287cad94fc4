// @ts-check
'use strict';
// Documents do not remember which changes were made to them.
const { plant } = require('./mutant.cjs');

plant('dist/kit/state/apply-change.js', '[...marks, entry]', 'marks');
