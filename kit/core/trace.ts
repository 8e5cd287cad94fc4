import { randomFillSync } from 'node:crypto';

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/**
 * The W3C traceparent of the next span: a new span id in the same trace with the same flags. Without a
 * valid parent it starts a new, sampled trace.
 */
export function nextTraceparent(parent: string | undefined): string {
  const match = parent === undefined ? null : TRACEPARENT.exec(parent);
  const trace = match?.[1] ?? randomHex(16);
  const flags = match?.[3] ?? '01';
  return `00-${trace}-${randomHex(8)}-${flags}`;
}

/** A buffer of random bytes: filling it at intervals is cheaper than a system call for each span. */
const pool = Buffer.alloc(4_096);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}

/** The trace id of a traceparent; empty if it has none. */
export function traceId(traceparent: string): string {
  return traceparent.split('-')[1] ?? '';
}
