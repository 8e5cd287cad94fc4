import type { Clock } from '../core/clock';
import type { CloudEvent } from './cloud-event';
import { type Contract, defineEvent } from './contract';
import { REQUEST_BUDGET_MS } from '../core/call-context';
import { Outcome } from './command-result';

/** The topic on which a service is answered. Its replicas share it: see Outcomes. */
export function repliesTo(appId: string): string {
  return `${appId}.replies`;
}

/** What is said on a topic of replies; the request that it answers is its `causationid`. */
export function replyOn(topic: string, request: CloudEvent): Contract<'Reply', typeof Outcome> {
  return defineEvent('Reply', {
    type: topic,
    description: 'What came of a request.',
    data: Outcome,
    subject: () => request.subject,
  });
}

/** Milliseconds until nobody waits for it any more, or for what cannot be too late, a plenty. */
export function timeLeft({ expirytime }: CloudEvent, clock: Clock): number {
  return expirytime === undefined ? REQUEST_BUDGET_MS : Date.parse(expirytime) - clock.now();
}
