import { randomFillSync } from 'node:crypto';

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The next span of a W3C trace: the same trace and flags under a new span, or a new trace. */
export function nextTraceparent(parent: string | undefined): string {
  const match = parent === undefined ? null : TRACEPARENT.exec(parent);
  const trace = match?.[1] ?? randomHex(16);
  const flags = match?.[3] ?? '01';
  return `00-${trace}-${randomHex(8)}-${flags}`;
}

/** Random bytes in store: cheaper than to ask for some each time. */
const store = Buffer.alloc(4_096);
let used = store.length;

function randomHex(bytes: number): string {
  if (used + bytes > store.length) {
    randomFillSync(store);
    used = 0;
  }
  used += bytes;
  return store.toString('hex', used - bytes, used);
}

export function traceId(traceparent: string): string {
  return traceparent.split('-')[1] ?? '';
}
