import type { RouteExamples } from './types';
import { FIRST_PAGE, TIME, orderId, pageOf } from './values';

const deadLetter = {
  id: 'event_2mVx',
  type: 'order.confirmed',
  source: 'order',
  subject: orderId,
  correlationId: 'req_1',
  reason: 'unreadable',
  message: 'data.userId is missing',
  attempts: 1,
  replayCount: 0,
  firstFailedAt: TIME,
  lastFailedAt: TIME,
};
const { id, type } = deadLetter;
const params = { service: 'order', id };

/** For routes/admin.ts. */
export const adminExamples: RouteExamples = {
  'GET /admin/dead-letters/:service': {
    summary: 'Lists the dead letters of a service, newest first, without their data',
    params: { service: 'order' },
    query: FIRST_PAGE,
    data: pageOf(deadLetter),
  },
  'GET /admin/dead-letters/:service/:id': {
    summary: 'Returns a dead letter with its event',
    params,
    data: {
      ...deadLetter,
      event: { id, type, data: { orderId, userId: null, items: [{ quantity: 2 }] } },
    },
  },
  'DELETE /admin/dead-letters/:service/:id': {
    summary: 'Discards a dead letter',
    params,
    data: {},
  },
  'POST /admin/dead-letters/:service/:id/replay': {
    summary: 'Handles the event of a dead letter again; on success the dead letter is removed',
    params,
    body: {},
    data: { succeeded: false, deadLetter: { ...deadLetter, replayCount: 1, attempts: 2 } },
  },
  'POST /admin/dead-letter-replays/:service': {
    summary:
      'Handles the events of up to 100 dead letters again, oldest first, in the order of each subject',
    params: { service: 'order' },
    body: { reason: 'unavailable', type: 'order.confirmed', skip: 2 },
    data: { replayed: 98, skip: 4, more: true },
  },
  'GET /admin/parked-events/:service': {
    summary: 'Lists the events that wait until a dependency is available, by dependency',
    params: { service: 'order' },
    data: {
      items: [
        {
          dependency: 'payment',
          events: 12,
          since: TIME,
          reason: 'unreachable',
          message: 'payment cannot be reached',
        },
      ],
    },
  },
};
