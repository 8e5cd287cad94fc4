import { setTimeout as sleep } from 'node:timers/promises';

type Found<T> = Exclude<T, undefined | null | false>;

/**
 * Waits until `look` returns a value, and returns it. A `look` that throws is tried again; its last error
 * is reported when the time is over.
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  timeoutMs = 15_000,
): Promise<Found<T>> {
  const begun = performance.now();
  for (let wait = 10; ; wait = Math.min(wait * 1.5, 200)) {
    let failure: unknown;
    try {
      const found = await look();
      // these three values are excluded by Found
      if (found !== undefined && found !== null && found !== false) return found as Found<T>;
    } catch (error) {
      failure = error;
    }
    if (performance.now() - begun > timeoutMs) {
      const why = failure === undefined ? '' : `: ${textOf(failure)}`;
      throw new Error(`waited ${timeoutMs / 1000} s for ${what}${why}`, { cause: failure });
    }
    await sleep(wait);
  }
}

const textOf = (failure: unknown) => (failure instanceof Error ? failure.message : String(failure));
