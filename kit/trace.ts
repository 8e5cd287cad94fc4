import { randomUUID } from 'node:crypto';

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The next span of a W3C trace: the same trace and flags under a new span, or a new trace. */
export function nextTraceparent(parent: string | undefined): string {
  const match = parent === undefined ? null : TRACEPARENT.exec(parent);
  const trace = match?.[1] ?? randomHex();
  const flags = match?.[3] ?? '01';
  return `00-${trace}-${randomHex().slice(16)}-${flags}`;
}

/** 32 digits. A UUID comes out of a store of random bytes: cheaper than to ask for some each time. */
function randomHex(): string {
  return randomUUID().replaceAll('-', '');
}

export function traceId(traceparent: string): string {
  return traceparent.split('-')[1] ?? '';
}
