import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Case } from './route-cases';

const at = timestampFromDate(new Date('2026-01-01T10:00:00.500Z'));
const time = '2026-01-01T10:00:00.500Z';
const price = { amount: '2.50', currency: 'EUR' };
const machineId = 'machine_1';
const slot = { slot: 'A3', productId: 'product_1', capacity: 8, price };
const machine = { machineId, shopId: 'shop_1', slots: [{ ...slot, quantity: 5 }] };
const vend = { vendId: 'vend_1', machineId, slot: 'A3', price, status: 'dispensing', quantity: 1 };
const asked = { machineId, slot: 'A3', payment: { method: 'card', token: 'tok_ok' } };

/** For every row of routes-vending.ts one. */
export const vendingCases: Readonly<Record<string, Case>> = {
  'GET /machines': {
    path: '/machines?shopId=shop_1&page=1&limit=5',
    sends: { shopId: 'shop_1', page: 1, limit: 5 },
    answers: { items: [{ ...machine, updatedAt: at }], page: 1, limit: 5, total: 1 },
    data: { items: [{ ...machine, updatedAt: time }], total: 1 },
  },
  'GET /machines/:machineId': {
    path: '/machines/machine_1',
    sends: { machineId },
    answers: { ...machine, updatedAt: at },
    data: { ...machine, updatedAt: time },
  },
  'POST /machines/:machineId/planogram': {
    path: '/machines/machine_1/planogram',
    body: { slots: [slot] },
    sends: { machineId, slots: [slot] },
    answers: machine,
    data: machine,
  },
  'POST /machines/:machineId/restocks': {
    path: '/machines/machine_1/restocks',
    body: { slot: 'A3', quantity: -2 },
    sends: { machineId, slot: 'A3', quantity: -2 },
    answers: machine,
    data: machine,
  },
  'POST /vends': {
    path: '/vends',
    body: asked,
    sends: asked,
    answers: { ...vend, createdAt: at },
    data: { ...vend, createdAt: time },
  },
  'GET /vends': {
    path: '/vends?machineId=machine_1&page=1&limit=5',
    sends: { machineId, page: 1, limit: 5 },
    answers: { items: [vend], page: 1, limit: 5, total: 1 },
    data: { items: [vend], total: 1 },
  },
  'GET /vends/:vendId': {
    path: '/vends/vend_1',
    sends: { vendId: 'vend_1' },
    answers: { ...vend, reason: 'machine_silent' },
    data: { ...vend, reason: 'machine_silent' },
  },
  'GET /vends/:vendId/story': {
    path: '/vends/vend_1/story',
    sends: { vendId: 'vend_1' },
    answers: { vendId: 'vend_1', steps: [{ step: 'claim', outcome: 'done', at, ms: 3 }] },
    data: { vendId: 'vend_1', steps: [{ step: 'claim', outcome: 'done', at: time, ms: 3 }] },
  },
};
