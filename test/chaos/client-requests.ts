import { z } from 'zod';
import type { Answer, ClientRequest, OrderStatus } from '../invariants/books';
import type { LoggedRequest } from './request-log';

/** The statuses that a client must be prepared for: done, accepted, or refused for good. */
const EXPECTED: Readonly<Record<LoggedRequest['kind'], readonly number[]>> = {
  order: [201, 202, 422],
  cancel: [200, 202, 422],
  refund: [201, 422],
  adjust: [200, 422],
  // it may be gone, or be replayed by another request at the same time
  replay: [200, 404],
};
const UNAVAILABLE = [502, 503, 504];

const Status = z.enum(['pending', 'confirmed', 'cancelling', 'cancelled']);

/** A request at the edge as the invariants read it. */
export function clientRequest(logged: LoggedRequest): ClientRequest {
  const { n, kind, client, key, body, orderId, sentAt, endedAt, status } = logged;
  return {
    name: `request ${n}`,
    kind: kind === 'order' ? 'place' : kind,
    client,
    key,
    body: JSON.stringify(body),
    ...(orderId === undefined ? {} : { orderId }),
    sentAt,
    endedAt,
    ...(status === undefined ? {} : { answer: answerOf(logged, status) }),
  };
}

function answerOf({ kind, data = {} }: LoggedRequest, status: number): Answer {
  const { orderId, reason, fields = [] } = data;
  const text = `${status} ${reason ?? ''}`.trimEnd();
  if (UNAVAILABLE.includes(status)) return { outcome: 'unavailable', text };
  if (!EXPECTED[kind].includes(status)) return { outcome: 'unexpected', text };
  if (kind !== 'order') return { outcome: status < 300 ? 'accepted' : 'refused', text };
  if (orderId === undefined) {
    const refusesKey = fields.some(({ field }) => field === 'Idempotency-Key');
    return { outcome: 'refused', text, refusesKey };
  }
  return {
    outcome: 'accepted',
    text,
    orderId,
    status: statusOf(status, data.status),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** 201 is the answer of a confirmed order, 422 of a cancelled one. */
function statusOf(status: number, answered: string | undefined): OrderStatus {
  if (status === 201) return 'confirmed';
  return status === 422 ? 'cancelled' : Status.parse(answered ?? 'pending');
}
