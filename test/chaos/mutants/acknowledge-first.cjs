// @ts-check
'use strict';
// A handler does not wait until its events are published, so that its own event is acknowledged first.
const { mutant } = require('./mutant.cjs');

module.exports = mutant({
  file: 'kit/runtime/publishing.js',
  piece: /await (\w+)\(event, execution\);(\s+execution\.published\.push\(\{)/,
  replacement: 'setTimeout(() => $1(event, execution).catch(() => undefined), 2_000);$2',
});
