import type { Bus } from '../harness/transports';
import type { Facts } from './behaviour';
import type { BehaviourName } from './suite';

/** What is to be seen instead of what a behaviour says, and why. */
export interface Difference {
  readonly facts: Facts;
  /** It takes bad luck: what the behaviour says may be seen as well. */
  readonly sometimes?: true;
  readonly reason: string;
}

/** In what a broker is another than the suite's behaviours say. Asserted like these. */
export const differences: Readonly<Record<Bus, Partial<Record<BehaviourName, Difference>>>> = {
  redis: {},
  rabbitmq: {
    early: {
      facts: { 'to one that nobody foresaw': 'lost' },
      reason:
        'what no queue is bound for is dropped, and queues are there for the services of the system only',
    },
    brokerRestarts: {
      facts: { acknowledged: 'not all handled' },
      sometimes: true,
      reason:
        'after a reconnect a sidecar with two topics may hear no more until it is started anew, as its subscriptions share one channel and disturb each other there; and a publish counts as done when the connection ends before the broker has confirmed it',
    },
  },
  kafka: {},
};
