import { NO_SIGNATURES } from '../messages/event-signatures';

/** The part of RuntimeDeps for a bus on which only the test publishes: every source is believed. */
export const OPEN_BUS = { publishes: () => true, signatures: NO_SIGNATURES } as const;
