import { createHash } from 'node:crypto';
import { Code, MicroserviceError } from '../core/errors';
import { CloudEvent } from '../messages/cloud-event';
import type { EventSignatures } from '../messages/event-signatures';
import { signedContent } from '../messages/signed-content';

/**
 * Signatures of all services without keys: the same for the same event, and invalid once a part of the event
 * that is signed has changed.
 */
export const TEST_SIGNATURES: EventSignatures = {
  sign: (event) => ({ ...event, signature: digestOf(event) }),
  verify: (event) => {
    if (event.signature === digestOf(event)) return Promise.resolve();
    const reason = event.signature === undefined ? 'unsigned' : 'signature';
    const message = `the event of ${event.source} has no valid signature`;
    return Promise.reject(new MicroserviceError(message, Code.UNAUTHENTICATED, { reason }));
  },
};

/** The event with a signature of its source, if it is an event and has none. */
export function signedByItsSource(raw: Record<string, unknown>): Record<string, unknown> {
  const { success, data } = CloudEvent.safeParse(raw);
  if (!success || data.signature !== undefined) return raw;
  return { ...raw, signature: digestOf(data) };
}

function digestOf(event: CloudEvent): string {
  return createHash('sha256').update(signedContent(event)).digest('base64url');
}
