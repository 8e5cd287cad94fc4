import type { Bus, State } from '../harness/transports';
import type { Facts } from './behaviour';
import type { BehaviourName, StoreBehaviourName } from './suite';

/** The facts that replace those of a behaviour, and a sentence about them for docs/brokers.md. */
export interface Difference {
  readonly facts: Facts;
  readonly note: string;
}

type Differences<Transport extends string, Name extends string> = Readonly<
  Record<Transport, Partial<Record<Name, Difference>>>
>;

/** How brokers differ from the behaviours of the suite. The differences are asserted like those. */
export const differences: Differences<Bus, BehaviourName> = {
  redis: {},
  rabbitmq: {
    early: {
      facts: { 'for any other service': 'lost' },
      note: 'An event that no queue is bound to is dropped. The definitions declare queues for the services of the system, so an event for any other service is lost until that has started once.',
    },
  },
  kafka: {},
};

const TTL_IS_CLEARED: Difference = {
  facts: { 'written without one': 'exists' },
  note: 'Each write that does not set a time to live clears it.',
};

/** How stores differ. */
export const storeDifferences: Differences<State, StoreBehaviourName> = {
  sqlite: { lasting: TTL_IS_CLEARED },
  postgresql: { lasting: TTL_IS_CLEARED },
  redis: {
    gone: {
      facts: { 'a deleted document': 'written', 'a document that never existed': 'written' },
      note: 'The sidecar compares ETags only if a document exists, so a change of a deleted document, or of one that never existed, creates it.',
    },
  },
};
