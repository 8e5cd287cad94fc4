import { z } from 'zod';
import type { Contract, EventInput } from './contract';
import { type Execution } from '../core/execution';
import { deterministicId } from '../core/deterministic-id';
import { traceId } from '../core/trace';

/**
 * The envelope on the wire: CloudEvents 1.0, JSON, with the extensions of this platform.
 * A broker or sidecar may turn an extension's number into text, hence the coercions.
 */
export const CloudEvent = z.object({
  specversion: z.literal('1.0'),
  id: z
    .string()
    .min(1)
    .describe('Unique in the whole system. An event that is published again has the same id.'),
  type: z.string().min(1).describe('The topic on which it is published.'),
  source: z.string().min(1).describe('The app id of the publisher.'),
  subject: z.string().default('').describe('The id of the entity that the event is about.'),
  time: z.iso.datetime({ offset: true }).optional(),
  datacontenttype: z.string().default('application/json'),
  eventversion: z.coerce
    .number()
    .int()
    .positive()
    .default(1)
    .describe('The version of the schema of `data`.'),
  minversion: z.coerce
    .number()
    .int()
    .positive()
    .optional()
    .describe('The oldest version whose readers can read the event, if that is an earlier one.'),
  correlationid: z
    .string()
    .default('')
    .describe('The same id in everything that follows from one request.'),
  causationid: z
    .string()
    .default('')
    .describe('The id of the event, call or request that caused the event.'),
  sequence: z.coerce
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe(
      "The change number of the entity's document, so that an older event never overwrites a newer one. 0 if there is none.",
    ),
  tenantid: z.string().default('default'),
  traceparent: z.string().optional().describe('W3C trace context.'),
  traceid: z
    .string()
    .optional()
    .describe('The trace id of `traceparent`; the sidecar drops `traceparent` without it.'),
  replyto: z
    .string()
    .regex(/^[a-z0-9-]+\.replies$/, 'must be a reply topic')
    .optional()
    .describe('Of a request: the topic for the reply.'),
  expirytime: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('Of a request or reply: the time after which the requester no longer waits.'),
  signature: z
    .string()
    .optional()
    .describe(
      'A detached JWS (RFC 7515, appendix F) of the publisher: ES256, over the canonical JSON (RFC 8785) of the other attributes except `specversion`, `traceparent` and `traceid`.',
    ),
  data: z.unknown(),
});
export type CloudEvent = z.infer<typeof CloudEvent>;

/** The attributes of an event that its handler receives besides the data. */
export type EventMeta = Pick<
  CloudEvent,
  'id' | 'type' | 'source' | 'subject' | 'sequence' | 'time' | 'correlationid'
>;

/**
 * An event that an execution publishes. Its id is deterministic, so that a repetition of the execution
 * publishes the same event. With a `dedupKey` the id depends on the key instead of the call context, so
 * that any execution with that key publishes the same event.
 *
 * Throws a ZodError if the data does not match the contract, or an earlier version that must be able to
 * read it.
 */
export function cloudEvent<C extends Contract>(
  source: string,
  contract: C,
  input: EventInput<C>,
  execution: Execution,
  dedupKey?: string,
): CloudEvent {
  const data = contract.data.parse(input);
  const { version, minVersion } = contract;
  const readers = contract.earlierVersions.filter((earlier) => earlier.version >= minVersion);
  for (const earlier of readers) earlier.data.parse(data);
  const subject = contract.subject(data);
  const { callContext } = execution;
  const { tenantId } = callContext.caller;
  const idParts =
    dedupKey === undefined
      ? [callContext.id, execution.effectIndex(`publish ${contract.type} ${subject}`)]
      : ['fact', tenantId, dedupKey];
  const id = deterministicId(...idParts, source, contract.type, subject);
  return {
    specversion: '1.0',
    id,
    type: contract.type,
    source,
    subject,
    time: execution.timeOf(id),
    datacontenttype: 'application/json',
    eventversion: version,
    ...(minVersion === version ? {} : { minversion: minVersion }),
    correlationid: callContext.correlationId,
    causationid: callContext.id,
    sequence: execution.sequenceOf(subject),
    tenantid: tenantId,
    traceparent: callContext.traceparent,
    // the sidecar drops the traceparent without it
    traceid: traceId(callContext.traceparent),
    data,
  };
}
