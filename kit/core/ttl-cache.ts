import { LRUCache } from 'lru-cache';
import type { Clock } from './clock';

/** A bounded cache whose entries expire; see `ttlCache`. */
export type TtlCache<V extends object | string | number> = LRUCache<string, V>;

/**
 * A cache of at most `max` entries that evicts the least recently used one. Write with `setFor`. An
 * expired entry is not returned by `get`, but stays until it is replaced, deleted or evicted: see
 * `hasEntry`.
 */
export function ttlCache<V extends object | string | number>(
  max: number,
  clock: Pick<Clock, 'now'>,
): TtlCache<V> {
  // ttlResolution 0 reads the given clock each time instead of a copy that a real timer renews
  return new LRUCache<string, V>({ max, ttlResolution: 0, noDeleteOnStaleGet: true, perf: clock });
}

/** Caches a value for a number of milliseconds; does nothing if that is not positive. */
export function setFor<V extends object | string | number>(
  cache: TtlCache<V>,
  key: string,
  value: V,
  milliseconds: number,
): void {
  // lru-cache treats an entry as fresh in the last millisecond of its ttl, and a ttl of 0 as no expiry
  if (milliseconds > 1) cache.set(key, value, { ttl: milliseconds - 1 });
}

/** Whether the cache holds an entry for the key, expired or not. */
export function hasEntry<V extends object | string | number>(
  cache: TtlCache<V>,
  key: string,
): boolean {
  return cache.peek(key, { allowStale: true }) !== undefined;
}
