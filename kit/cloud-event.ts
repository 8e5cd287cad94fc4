import { z } from 'zod';
import type { Contract, EventInput } from './contract';
import { type Clock, isoTime } from './clock';
import { type Handling, identity } from './handling';
import { traceId } from './trace';

/**
 * The envelope on the wire: CloudEvents 1.0, JSON, with the extensions of this platform.
 * A broker or sidecar may turn an extension's number into text, hence the coercions.
 */
export const CloudEvent = z.object({
  specversion: z.literal('1.0'),
  id: z.string().min(1),
  type: z.string().min(1),
  /** The app id of the service that said it. */
  source: z.string().min(1),
  /** The id of the entity that it is about. */
  subject: z.string().default(''),
  time: z.iso.datetime({ offset: true }).optional(),
  datacontenttype: z.string().default('application/json'),
  eventversion: z.coerce.number().int().positive().default(1),
  correlationid: z.string().default(''),
  causationid: z.string().default(''),
  /** The change number of the entity's document: an older fact never overwrites a newer one. */
  sequence: z.coerce.number().int().nonnegative().default(0),
  tenantid: z.string().default('default'),
  traceparent: z.string().optional(),
  traceid: z.string().optional(),
  data: z.unknown(),
});
export type CloudEvent = z.infer<typeof CloudEvent>;

/** What a handler may want to know of an event besides its data. */
export type EventMeta = Pick<
  CloudEvent,
  'id' | 'type' | 'source' | 'subject' | 'sequence' | 'time' | 'correlationid'
>;

/**
 * An event caused by this handling, with the id that every repetition of it gives it again: from
 * the cause, or from the fact where it is named.
 */
export function cloudEvent<C extends Contract>(
  source: string,
  contract: C,
  input: EventInput<C>,
  handling: Handling,
  clock: Clock,
  fact?: string,
): CloudEvent {
  const data = contract.data.parse(input);
  const subject = contract.subject(data);
  const { cause } = handling;
  const { tenantId } = cause.caller;
  const why =
    fact === undefined
      ? [cause.id, handling.ordinal(`say ${contract.type} ${subject}`)]
      : ['fact', tenantId, fact];
  return {
    specversion: '1.0',
    id: identity(...why, source, contract.type, subject),
    type: contract.type,
    source,
    subject,
    time: isoTime(clock),
    datacontenttype: 'application/json',
    eventversion: contract.version,
    correlationid: cause.correlationId,
    causationid: cause.id,
    sequence: handling.sequence(subject),
    tenantid: tenantId,
    traceparent: cause.traceparent,
    // without it the sidecar drops the traceparent
    traceid: traceId(cause.traceparent),
    data,
  };
}
