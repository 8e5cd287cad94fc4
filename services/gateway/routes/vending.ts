import { VendingService } from '#proto/retail/vending/v1/vending_pb';
import { type ByStatus, type Route, type Who, call } from './types';

const sellers = ['seller', 'admin'] as const satisfies Who;
const signedIn = ['customer', 'seller', 'admin'] as const satisfies Who;

const vending = VendingService.method;

/** The machine is not waited for: what it does is known later. */
const begun: ByStatus = {
  codes: {
    ...{ completed: 201, pending: 202, dispensing: 202, settling: 202 },
    ...{ cancelling: 202, cancelled: 422, unpaid: 422 },
  },
  refusal: { error: 'the vend came to nothing', details: ['vendId', 'status', 'reason'] },
};

/** Vending machines, and what is sold from them. */
export const vendingRoutes: readonly Route[] = [
  call('GET', '/machines', 'vending', vending.listMachines, {
    who: signedIn,
    query: ['shopId', 'page', 'limit'],
  }),
  call('GET', '/machines/:machineId', 'vending', vending.getMachine, { who: signedIn }),
  call('POST', '/machines/:machineId/planogram', 'vending', vending.setPlanogram, {
    who: sellers,
    body: ['slots'],
    idempotent: true,
  }),
  call('POST', '/machines/:machineId/restocks', 'vending', vending.restock, {
    who: sellers,
    body: ['slot', 'quantity'],
    idempotent: true,
  }),
  call('POST', '/vends', 'vending', vending.startVend, {
    who: signedIn,
    status: begun,
    body: ['machineId', 'slot', 'payment'],
    idempotent: true,
    async: true,
    limit: 'payment',
  }),
  call('GET', '/vends', 'vending', vending.listVends, {
    who: signedIn,
    query: ['machineId', 'page', 'limit'],
  }),
  call('GET', '/vends/:vendId', 'vending', vending.getVend, { who: signedIn }),
  call('GET', '/vends/:vendId/story', 'vending', vending.getVendStory, { who: signedIn }),
];
