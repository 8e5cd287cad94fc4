// @ts-check
'use strict';
// A handler does not wait until its events are said: what caused them is acknowledged before.
const { plant } = require('./mutant.cjs');

plant(
  'dist/kit/runtime/publishing.js',
  'await send(event, execution);\n        execution.published.push',
  'setTimeout(() => send(event, execution).catch(() => undefined), 2_000);\n        execution.published.push',
);
