import { z } from 'zod';
import type { Entry } from '../harness/bus/broker-log';
import type { PublishedEvent } from '../invariants/books';

const Event = z.object({
  id: z.string(),
  source: z.string(),
  subject: z.string().default(''),
  tenantid: z.string().default('default'),
  sequence: z.coerce.number().default(0),
  correlationid: z.string().default(''),
  data: z.record(z.string(), z.unknown()),
});

/** The CloudEvent in an entry of any broker. */
export function publishedEvent({ entry, topic, text }: Entry): PublishedEvent {
  const {
    tenantid: tenant,
    correlationid: correlationId,
    ...event
  } = Event.parse(JSON.parse(text));
  return { entry, topic, tenant, correlationId, ...event };
}
