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

/**
 * The time of a change of something that was changed before: `at`, or the millisecond after `before` if the
 * clock is not past that. Both are ISO 8601 times, compared as instants.
 */
export function laterTime(at: string, before: string): string {
  const earlier = Date.parse(before);
  return Date.parse(at) > earlier ? at : isoTimeAt(earlier + 1);
}

/** The current time as an ISO 8601 time in UTC. */
export function isoTime(clock: Clock): string {
  return isoTimeAt(clock.now());
}
