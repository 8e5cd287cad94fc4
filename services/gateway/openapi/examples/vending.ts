import type { RouteExamples } from './types';
import {
  CREATED_AND_UPDATED,
  FIRST_PAGE,
  TIME,
  deviceId as machineId,
  pageOf,
  productId,
  shopId,
  userId,
} from './values';

const price = { amount: '2.50', currency: 'EUR' };
const vendId = 'vend_e8Rb';
const slot = { slot: 'A3', productId, capacity: 8, price };
const machine = { machineId, shopId, slots: [{ ...slot, quantity: 5 }], updatedAt: TIME };
const vend = {
  vendId,
  machineId,
  shopId,
  slot: 'A3',
  productId,
  price,
  channel: 'cashless',
  status: 'dispensing',
  userId,
  ...CREATED_AND_UPDATED,
  quantity: 1,
};

/** For routes/vending.ts. */
export const vendingExamples: RouteExamples = {
  'GET /machines': {
    summary: 'Lists the vending machines of a shop with their contents',
    query: { shopId, ...FIRST_PAGE },
    data: pageOf(machine),
  },
  'GET /machines/:machineId': {
    summary: 'Returns a vending machine; a slot without a price sells at the price of the shop',
    params: { machineId },
    data: machine,
  },
  'POST /machines/:machineId/planogram': {
    summary: 'Replaces the planogram of a machine: its slots and the products they hold',
    optional: ['slots.price'],
    params: { machineId },
    body: { slots: [slot] },
    data: machine,
  },
  'POST /machines/:machineId/restocks': {
    summary: 'Adds pieces to a slot, or removes them if quantity is negative; clears its fault',
    optional: ['quantity'],
    params: { machineId },
    body: { slot: 'A3', quantity: 5 },
    data: machine,
  },
  'POST /vends': {
    summary: 'Buys a product from a slot; the response does not wait for the machine',
    body: { machineId, slot: 'A3', payment: { method: 'card', token: 'tok_ok' } },
    data: vend,
  },
  'GET /vends': {
    summary: 'Lists your vends, newest first; sellers may list those of a machine',
    query: { machineId, ...FIRST_PAGE },
    data: pageOf({ ...vend, status: 'completed' }),
  },
  'GET /vends/:vendId': {
    summary: 'Returns a vend and its progress',
    params: { vendId },
    data: { ...vend, status: 'cancelled', reason: 'not_dispensed' },
  },
  'GET /vends/:vendId/story': {
    summary: 'Returns the steps of a vend and the events published about it',
    params: { vendId },
    data: {
      vendId,
      steps: [
        { step: 'claim', outcome: 'done', at: TIME, ms: 12 },
        { step: 'authorize', outcome: 'done', at: TIME, ms: 40 },
      ],
      events: [{ type: 'vend.completed', at: TIME }],
    },
  },
};
