/** Time, so that a test can hold it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Rejects with the signal's reason once it is aborted: nobody waits any more. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // that of node:timers makes an error of its own each time, with its stack
  sleep: async (milliseconds, signal) => {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = setTimeout(resolve, milliseconds, undefined);
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', end, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', end);
    }
  },
};

let latest = { at: NaN, text: '' };

/** A moment, in milliseconds since the epoch, as an ISO 8601 text in UTC. Most ask for the same as before. */
export function isoTimeAt(at: number): string {
  if (at !== latest.at) latest = { at, text: new Date(at).toISOString() };
  return latest.text;
}

/** This moment as an ISO 8601 text in UTC. */
export function isoTime(clock: Clock): string {
  return isoTimeAt(clock.now());
}
