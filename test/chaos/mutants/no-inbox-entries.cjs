// @ts-check
'use strict';
// Documents get no inbox entries, so that a redelivered event changes them again.
const { mutant } = require('./mutant.cjs');

module.exports = mutant({
  file: 'kit/state/apply-change.js',
  piece: /\[\.\.\.marks, entry\]/,
  replacement: 'marks',
});
