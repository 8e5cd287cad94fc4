// @ts-check
'use strict';
// Documents do not remember which changes were made to them.
const { plant } = require('./mutant.cjs');

plant('dist/kit/documents.js', '[{ by, at, sequence, ...made }]', '[]');
