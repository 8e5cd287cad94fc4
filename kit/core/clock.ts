/** Time as a dependency, so that tests can control it. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Resolves after the delay. Rejects with the signal's reason when the signal is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // setTimeout of node:timers/promises builds an AbortError with a stack trace on every abort
  sleep: async (milliseconds, signal) => {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = setTimeout(resolve, milliseconds, undefined);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  },
};

let latest = { at: NaN, text: '' };

/**
 * Epoch milliseconds as an ISO 8601 time in UTC. The last result is cached, because most calls ask
 * for the same millisecond as the one before.
 */
export function isoTimeAt(at: number): string {
  if (at !== latest.at) latest = { at, text: new Date(at).toISOString() };
  return latest.text;
}

/** The current time as an ISO 8601 time in UTC. */
export function isoTime(clock: Clock): string {
  return isoTimeAt(clock.now());
}
