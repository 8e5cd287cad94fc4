// @ts-check
'use strict';
// Documents do not remember which changes were made to them.
const { plant } = require('./plant.cjs');

plant('dist/kit/documents.js', '[{ by, at, sequence, ...made }]', '[]');
