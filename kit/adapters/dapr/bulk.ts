import { z } from 'zod';
import type { CloudEvent } from '../../messages/cloud-event';

/** As many as a sidecar hands to a broker without batches of its own at a time. */
const MAX_EVENTS = 100;
/** Characters, below the 4 MB that a sidecar takes also where each is four bytes long. */
const MAX_SIZE = 1_000_000;

/** The bodies of the requests in which these events fit; an event that is larger has its own. */
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
    if (last === undefined || last.length === MAX_EVENTS || size + entry.length > MAX_SIZE) {
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

/** What the sidecar says of entries that could not be said: how many, and why the first. */
export function failedEntries(body: string): string {
  try {
    const { failedEntries: failed } = Failed.parse(JSON.parse(body));
    return `${String(failed.length)} events: ${failed[0]?.error ?? ''}`;
  } catch {
    return body;
  }
}
