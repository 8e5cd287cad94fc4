import type { CloudEvent } from './cloud-event';

/** Signs the events of one service, and verifies those of all. */
export interface EventSignatures {
  /** The event with its signature. Throws an Error if its source is another service. */
  sign(event: CloudEvent): CloudEvent;
  /**
   * Resolves if the service in `source` has signed the event. Throws UNAUTHENTICATED with a reason if it
   * has not, and UNAVAILABLE if that cannot be decided yet.
   */
  verify(event: CloudEvent): Promise<void>;
}

/** Neither signs nor verifies. */
export const NO_SIGNATURES: EventSignatures = {
  sign: (event) => event,
  verify: () => Promise.resolve(),
};
