import { setTimeout as wait } from 'node:timers/promises';

/** Time, so that a test can hold it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (milliseconds) => {
    await wait(milliseconds);
  },
};

/** The moment as an ISO 8601 text in UTC. */
export function isoTime(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
