import { Code } from '#kit/core/errors';
import type { Evidence, Findings } from './violation';

/** Why an event may be a dead letter: what it needs was away for longer than it was tried. */
const MAY_WORK_LATER: ReadonlySet<string> = new Set([
  ...[Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.ABORTED].map((code) =>
    Code[code].toLowerCase(),
  ),
  ...['timeout', 'sidecar', 'unreachable', 'provider_silent'],
]);

export function deadLetters({ books, letters }: Evidence, found: Findings): void {
  for (const { app, type, subject, reason, message } of letters) {
    if (MAY_WORK_LATER.has(reason)) continue;
    found.add(`${app} gave up ${type} of ${subject} for ${reason}: ${message}`);
  }
  for (const { app, type, subject, reason, message } of books.deadLetters) {
    found.add(`${app} keeps ${type} of ${subject} after its replay, for ${reason}: ${message}`);
  }
}
