import { setTimeout as wait } from 'node:timers/promises';

/** Time, so that a test can hold it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Rejects once the signal is aborted: nobody waits any more. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (milliseconds, signal) => {
    await wait(milliseconds, undefined, signal === undefined ? {} : { signal });
  },
};

/** The moment as an ISO 8601 text in UTC. */
export function isoTime(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
