import type { Bus, State } from '../harness/transports';
import type { Facts } from './behaviour';
import type { BehaviourName, StoreBehaviourName } from './suite';

/** What is to be seen instead of what a behaviour says, and why. */
export interface Difference {
  readonly facts: Facts;
  readonly reason: string;
}

type Differences<Transport extends string, Name extends string> = Readonly<
  Record<Transport, Partial<Record<Name, Difference>>>
>;

/** In what a broker is another than the suite's behaviours say. Asserted like these. */
export const differences: Differences<Bus, BehaviourName> = {
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

const LASTING: Difference = {
  facts: { 'without a word of it': 'there' },
  reason: 'its sidecar writes with each write whether and when it goes',
};

/** The same of stores. */
export const storeDifferences: Differences<State, StoreBehaviourName> = {
  sqlite: { lasting: LASTING },
  postgresql: { lasting: LASTING },
  redis: {
    gone: {
      facts: { gone: 'written', 'never was': 'written' },
      reason: 'its sidecar compares ETags only where there is a document',
    },
  },
};
