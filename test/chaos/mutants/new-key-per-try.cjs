// @ts-check
'use strict';
// The provider is asked for the same charge under another key each time.
const { plant } = require('./mutant.cjs');

plant(
  'dist/services/payment/charge.js',
  '[operation](paymentId, ',
  '[operation](`${paymentId}_${process.hrtime.bigint()}`, ',
);
