// @ts-check
'use strict';
// The provider is asked for the same charge under another key each time.
const { plant } = require('./mutant.cjs');

plant(
  'dist/services/payment/charge.js',
  '[how](paymentId, ',
  '[how](`${paymentId}_${process.hrtime.bigint()}`, ',
);
