// @ts-check
'use strict';
// Each attempt of a charge has another idempotency key at the provider.
const { mutant } = require('./mutant.cjs');

module.exports = mutant({
  file: 'services/payment/charge.js',
  piece: /\[operation\]\(paymentId, /,
  replacement: '[operation](`${paymentId}_${process.hrtime.bigint()}`, ',
});
