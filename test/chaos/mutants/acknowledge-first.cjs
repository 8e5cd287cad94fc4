// @ts-check
'use strict';
// A handler does not wait until its events are said: what caused them is acknowledged before.
const { plant } = require('./mutant.cjs');

plant(
  'dist/kit/open-context.js',
  'await say(event, handling);\n        handling.said.push',
  'setTimeout(() => say(event, handling).catch(() => undefined), 2_000);\n        handling.said.push',
);
