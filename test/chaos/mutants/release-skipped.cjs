// @ts-check
'use strict';
// What an order holds is not given back when it comes to nothing.
const { plant } = require('./mutant.cjs');

plant(
  'dist/services/order/unwind.js',
  'inventory.release({ ...(0, domain_1.goods)(order), reason: why(order) })',
  'Promise.resolve(inventory)',
);
