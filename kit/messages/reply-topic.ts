import type { Clock } from '../core/clock';
import type { CloudEvent } from './cloud-event';
import { type Contract, defineEvent } from './contract';
import { REQUEST_BUDGET_MS } from '../core/call-context';
import { CommandResult } from './command-result';

/** The topic on which a service is answered. Its replicas share it: see Outcomes. */
export function replyTopicOf(appId: string): string {
  return `${appId}.replies`;
}

/** What is said on a topic of replies; the request that it answers is its `causationid`. */
export function replyContract(
  topic: string,
  request: CloudEvent,
): Contract<'Reply', typeof CommandResult> {
  return defineEvent('Reply', {
    type: topic,
    description: 'What came of a request.',
    data: CommandResult,
    subject: () => request.subject,
  });
}

/** Milliseconds until nobody waits for it any more, or for what cannot be too late, a plenty. */
export function timeUntilExpiry({ expirytime }: CloudEvent, clock: Clock): number {
  return expirytime === undefined ? REQUEST_BUDGET_MS : Date.parse(expirytime) - clock.now();
}
