import { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import { ADMINS } from '../auth/access';
import { type Route, call } from './types';

const operations = OperationsService.method;

/** The dead letters and parked events of each service. */
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
  call('POST', '/admin/dead-letter-replays/:service', ':service', operations.replayDeadLetters, {
    access: ADMINS,
    owner: 'admin',
    body: ['reason', 'type', 'skip'],
    idempotent: true,
  }),
  call('GET', '/admin/parked-events/:service', ':service', operations.getParkedEvents, {
    access: ADMINS,
    owner: 'admin',
  }),
];
