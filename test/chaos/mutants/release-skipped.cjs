// @ts-check
'use strict';
// What an order holds is not given back when it comes to nothing.
const { plant } = require('./mutant.cjs');

plant(
  'dist/services/order/compensate.js',
  'inventory.release({ ...(0, domain_1.toReservation)(order), reason: reasonOf(order) })',
  'Promise.resolve(inventory)',
);
