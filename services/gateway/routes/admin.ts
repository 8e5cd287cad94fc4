import { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import { ADMINS } from '../auth/access';
import { type Route, call } from './types';

const operations = OperationsService.method;

/** The dead letters of each service. */
export const adminRoutes: readonly Route[] = [
  call('GET', '/admin/dead-letters/:service', ':service', operations.listDeadLetters, {
    access: ADMINS,
    owner: 'admin',
    query: ['page', 'limit'],
  }),
  call('GET', '/admin/dead-letters/:service/:id', ':service', operations.getDeadLetter, {
    access: ADMINS,
    owner: 'admin',
  }),
  call('DELETE', '/admin/dead-letters/:service/:id', ':service', operations.discardDeadLetter, {
    access: ADMINS,
    owner: 'admin',
  }),
  call('POST', '/admin/dead-letters/:service/:id/replay', ':service', operations.replayDeadLetter, {
    access: ADMINS,
    owner: 'admin',
    idempotent: true,
  }),
];
