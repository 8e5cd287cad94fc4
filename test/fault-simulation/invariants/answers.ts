import { Code, isTransient } from '#kit/core/errors';
import type { Evidence, Findings } from './violation';

export function answers({ books, clients }: Evidence, found: Findings): void {
  const bodies = new Map<string, string>();
  const ended = new Map<string, { status: string; at: number }>();
  for (const { asked, at, what, orderId, body, order, error } of clients.answers) {
    if (error?.code === Code.INTERNAL || error?.code === Code.DATA_LOSS) {
      found.add(`${what} was answered ${Code[error.code]}: ${error.message}`, orderId);
    }
    if (order === undefined) continue;
    found.equal(order.orderId, orderId, `the order that ${what} answers`, orderId);
    if (what === 'place') {
      const first = bodies.get(orderId) ?? body;
      bodies.set(orderId, first);
      if (body !== first) found.add('two requests were accepted under one key', orderId);
    }
    // asked after it was told to have ended, it is never told to be anything before that
    const known = ended.get(orderId);
    const { status } = order;
    if (known !== undefined && asked >= known.at) {
      if (known.status === 'cancelled')
        found.equal(status, 'cancelled', `what ${what} answers`, orderId);
      else if (status === 'pending') found.add(`${what} answers pending after confirmed`, orderId);
    }
    if (status === 'cancelled' || (status === 'confirmed' && known === undefined)) {
      ended.set(orderId, { status, at });
    }
  }
  for (const [orderId, { status }] of ended) {
    const now = books.orders.get(orderId)?.status ?? 'unknown';
    if (status === 'cancelled') found.equal(now, status, 'what was answered as cancelled', orderId);
  }
  // the last two answers are of the probe: the same order again, and another under its key
  for (const [orderId, body] of bodies) {
    const last = clients.answers.filter(
      ({ what, error, ...one }) =>
        what === 'place' && one.orderId === orderId && !(error && isTransient(error)),
    );
    const [same, other] = last.slice(-2);
    if (same?.order === undefined && same?.body === body) {
      found.add(`the same request was refused: ${same.error?.message ?? ''}`, orderId);
    }
    if (other?.body !== body && other?.error?.code !== Code.INVALID_ARGUMENT) {
      found.add('another request under its key was not refused as invalid', orderId);
    }
  }
}
