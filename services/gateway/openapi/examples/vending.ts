import type { Documented } from './examples';

const at = '2026-01-01T10:00:00.500Z';
const price = { amount: '2.50', currency: 'EUR' };
const machineId = 'device_n4Tq';
const shopId = 'shop_1';
const productId = 'product_Kx3v';
const vendId = 'vend_e8Rb';
const firstPage = { page: 1, limit: 20 };
const pageOf = (item: object) => ({ items: [item], ...firstPage, total: 1 });

const plan = { slot: 'A3', productId, capacity: 8, price };
const machine = { machineId, shopId, slots: [{ ...plan, quantity: 5 }], updatedAt: at };
const vend = {
  ...{ vendId, machineId, shopId, slot: 'A3', productId, price },
  ...{ channel: 'cashless', status: 'dispensing', userId: 'user_9fLb' },
  ...{ createdAt: at, updatedAt: at, quantity: 1 },
};

/** Of the rows of routes-vending.ts, by method and path. */
export const documentedVending: Readonly<Record<string, Documented>> = {
  'GET /machines': {
    summary: 'The vending machines of a shop, and what is in them',
    query: { shopId, ...firstPage },
    data: pageOf(machine),
  },
  'GET /machines/:machineId': {
    summary: 'A vending machine, and what is in it; a slot without a price has the shop’s',
    params: { machineId },
    data: machine,
  },
  'POST /machines/:machineId/planogram': {
    summary: 'Says which slots a machine has, and what is to be in them, instead of what was said',
    optional: ['slots.price'],
    params: { machineId },
    body: { slots: [plan] },
    data: machine,
  },
  'POST /machines/:machineId/restocks': {
    summary: 'Puts pieces into a slot, or takes them out where negative; clears its fault',
    optional: ['quantity'],
    params: { machineId },
    body: { slot: 'A3', quantity: 5 },
    data: machine,
  },
  'POST /vends': {
    summary: 'Buys a piece out of a slot; the machine is to dispense it, and is not waited for',
    body: { machineId, slot: 'A3', payment: { method: 'card', token: 'tok_ok' } },
    data: vend,
  },
  'GET /vends': {
    summary: 'Your vends, newest first; or those of a machine, for who sells there',
    query: { machineId, ...firstPage },
    data: pageOf({ ...vend, status: 'completed' }),
  },
  'GET /vends/:vendId': {
    summary: 'A vend, and how far it has come',
    params: { vendId },
    data: { ...vend, status: 'cancelled', reason: 'not_dispensed' },
  },
  'GET /vends/:vendId/story': {
    summary: 'The steps that a vend went through, and the events said about it',
    params: { vendId },
    data: {
      vendId,
      steps: [
        { step: 'claim', outcome: 'done', at, ms: 12 },
        { step: 'authorize', outcome: 'done', at, ms: 40 },
      ],
      events: [{ type: 'vend.completed', at }],
    },
  },
};
