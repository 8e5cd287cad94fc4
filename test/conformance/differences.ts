import type { Bus } from '../harness/transports';
import type { Facts } from './behaviour';
import type { BehaviourName } from './suite';

/** What is to be seen instead of what a behaviour says, and why. */
export interface Difference {
  readonly facts: Facts;
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
  },
  kafka: {},
};
