import type { Clock } from '../core/clock';
import type { CloudEvent } from './cloud-event';
import { type Contract, defineEvent } from './contract';
import { REQUEST_BUDGET_MS } from '../core/call-context';
import { CommandResult } from './command-result';

/** The topic on which a service receives replies. Its replicas share it: see CommandResults. */
export function replyTopicOf(appId: string): string {
  return `${appId}.replies`;
}

/** The contract of a reply. Its `causationid` is the id of the request. */
export function replyContract(
  topic: string,
  request: CloudEvent,
): Contract<'Reply', typeof CommandResult> {
  return defineEvent('Reply', {
    type: topic,
    description: 'The result of a request.',
    data: CommandResult,
    subject: () => request.subject,
  });
}

/** Milliseconds until an event expires; the full request budget for an event without `expirytime`. */
export function timeUntilExpiry({ expirytime }: CloudEvent, clock: Clock): number {
  return expirytime === undefined ? REQUEST_BUDGET_MS : Date.parse(expirytime) - clock.now();
}
