import { VendingService } from '#proto/retail/vending/v1/vending_pb';
import { SELLERS, SIGNED_IN } from '../auth/access';
import { type Route, type StatusMapping, call } from './types';

const vending = VendingService.method;

/** The response does not wait for the machine; the status of the vend tells how it went. */
const started: StatusMapping = {
  codes: {
    completed: 201,
    pending: 202,
    dispensing: 202,
    settling: 202,
    cancelling: 202,
    cancelled: 422,
    unpaid: 422,
  },
  refusal: { error: 'the vend failed', details: ['vendId', 'status', 'reason'] },
};

/** Vending machines and their sales. */
export const vendingRoutes: readonly Route[] = [
  call('GET', '/machines', 'vending', vending.listMachines, {
    access: SIGNED_IN,
    owner: 'everyone',
    query: ['shopId', 'page', 'limit'],
  }),
  call('GET', '/machines/:machineId', 'vending', vending.getMachine, {
    access: SIGNED_IN,
    owner: 'everyone',
  }),
  call('POST', '/machines/:machineId/planogram', 'vending', vending.setPlanogram, {
    access: SELLERS,
    owner: 'shop',
    body: ['slots'],
    idempotent: true,
    resource: vending.getMachine,
  }),
  call('POST', '/machines/:machineId/restocks', 'vending', vending.restock, {
    access: SELLERS,
    owner: 'shop',
    body: ['slot', 'quantity'],
    idempotent: true,
    resource: vending.getMachine,
  }),
  call('POST', '/vends', 'vending', vending.startVend, {
    access: SIGNED_IN,
    owner: 'caller',
    status: started,
    body: ['machineId', 'slot', 'payment'],
    idempotent: true,
    async: true,
    limit: 'payment',
  }),
  call('GET', '/vends', 'vending', vending.listVends, {
    access: SIGNED_IN,
    // with a machineId; without one, the caller's own
    owner: 'shop',
    query: ['machineId', 'page', 'limit'],
  }),
  call('GET', '/vends/:vendId', 'vending', vending.getVend, {
    access: SIGNED_IN,
    owner: ['buyer', 'shop'],
  }),
  call('GET', '/vends/:vendId/story', 'vending', vending.getVendStory, {
    access: SIGNED_IN,
    owner: ['buyer', 'shop'],
  }),
];
