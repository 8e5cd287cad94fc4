import { z } from 'zod';
import type { Contract, EventInput } from './contract';
import { type Clock, isoTime } from '../core/clock';
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
    .describe('The same where the same event is said again; unique in the whole system.'),
  type: z.string().min(1).describe('The topic that it is said on.'),
  source: z.string().min(1).describe('The app id of who said it.'),
  subject: z.string().default('').describe('The id of the entity that it is about.'),
  time: z.iso.datetime({ offset: true }).optional(),
  datacontenttype: z.string().default('application/json'),
  eventversion: z.coerce
    .number()
    .int()
    .positive()
    .default(1)
    .describe("The version of the data's schema."),
  minversion: z.coerce
    .number()
    .int()
    .positive()
    .optional()
    .describe('The oldest version whose readers can read it, where that is an earlier one.'),
  correlationid: z.string().default('').describe('The same in all that follows from one request.'),
  causationid: z
    .string()
    .default('')
    .describe('The id of what it follows from: an event, a call or a request.'),
  sequence: z.coerce
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe(
      "The change number of the entity's document: an older fact never overwrites a newer one. 0 where there is no such number.",
    ),
  tenantid: z.string().default('default'),
  traceparent: z.string().optional().describe('W3C trace context.'),
  traceid: z
    .string()
    .optional()
    .describe('The trace id in traceparent, which the sidecar drops without it.'),
  replyto: z
    .string()
    .regex(/^[a-z0-9-]+\.replies$/, 'must be a topic of replies')
    .optional()
    .describe('Of a request: the topic on which it is answered.'),
  expirytime: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('Of a request or reply: nobody waits for it any more after this.'),
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
  execution: Execution,
  clock: Clock,
  fact?: string,
): CloudEvent {
  const data = contract.data.parse(input);
  const { version, minVersion } = contract;
  const older = contract.earlierVersions.filter((step) => step.version >= minVersion);
  for (const step of older) step.data.parse(data);
  const subject = contract.subject(data);
  const { callContext } = execution;
  const { tenantId } = callContext.caller;
  const why =
    fact === undefined
      ? [callContext.id, execution.effectIndex(`say ${contract.type} ${subject}`)]
      : ['fact', tenantId, fact];
  return {
    specversion: '1.0',
    id: deterministicId(...why, source, contract.type, subject),
    type: contract.type,
    source,
    subject,
    time: isoTime(clock),
    datacontenttype: 'application/json',
    eventversion: version,
    ...(minVersion === version ? {} : { minversion: minVersion }),
    correlationid: callContext.correlationId,
    causationid: callContext.id,
    sequence: execution.sequenceOf(subject),
    tenantid: tenantId,
    traceparent: callContext.traceparent,
    // without it the sidecar drops the traceparent
    traceid: traceId(callContext.traceparent),
    data,
  };
}
