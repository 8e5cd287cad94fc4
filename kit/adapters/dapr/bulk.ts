import { z } from 'zod';
import type { CloudEvent } from '../../messages/cloud-event';

/** The most events that a sidecar passes in one batch to a broker without batches of its own. */
const MAX_EVENTS = 100;
/** In characters: below the sidecar's limit of 4 MB even if each is four bytes long. */
const MAX_CHARACTERS = 1_000_000;

/**
 * The bodies of the bulk-publish requests for these events. An event above the limit gets a request
 * of its own.
 */
export function bulkBodies(events: readonly CloudEvent[]): string[] {
  const bodies: string[][] = [];
  let size = 0;
  for (const event of events) {
    const entry = JSON.stringify({
      entryId: event.id,
      event,
      contentType: 'application/cloudevents+json',
      metadata: { partitionKey: event.subject },
    });
    const last = bodies.at(-1);
    if (last === undefined || last.length === MAX_EVENTS || size + entry.length > MAX_CHARACTERS) {
      bodies.push([entry]);
      size = entry.length;
    } else {
      last.push(entry);
      size += entry.length;
    }
  }
  return bodies.map((entries) => `[${entries.join(',')}]`);
}

const Failed = z.object({
  failedEntries: z.array(z.object({ error: z.string().default('') })).min(1),
});

/** A summary of the entries that the sidecar could not publish: their number and the first error. */
export function failedEntries(body: string): string {
  try {
    const { failedEntries: failed } = Failed.parse(JSON.parse(body));
    return `${String(failed.length)} events: ${failed[0]?.error ?? ''}`;
  } catch {
    return body;
  }
}
