import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

// What the sidecars and the bus are told of time and retries, from the files that tell them.

const Duration = z
  .union([z.string(), z.number()])
  .transform((text) => {
    const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(String(text)) ?? [];
    return Number(amount) * (unit === 's' ? 1_000 : unit === 'm' ? 60_000 : 1);
  })
  .pipe(z.number().positive());

const Resiliency = z.object({
  spec: z.object({
    policies: z.object({
      timeouts: z.record(z.string(), Duration),
      retries: z.object({
        call: z.object({ maxRetries: z.int() }),
        event: z.object({ policy: z.literal('constant'), duration: Duration }),
      }),
    }),
    targets: z.object({ apps: z.record(z.string(), z.object({ timeout: z.string() })) }),
  }),
});

const Bus = z.object({
  // a password comes from the environment, and has no value here
  spec: z.object({
    metadata: z.array(z.object({ name: z.string(), value: z.string().optional() })),
  }),
});

/** Of the sidecar's exponential policy: the first pause, and by how much each is longer. */
const FIRST_PAUSE_MS = 500;
const LONGER = 1.5;

function component(...path: string[]): unknown {
  return parse(readFileSync(join(process.cwd(), 'components', ...path), 'utf8'));
}

const { policies, targets } = Resiliency.parse(component('resiliency.yaml')).spec;
const { metadata } = Bus.parse(component('bus', 'redis', 'bus.yaml')).spec;

function setting(name: string): number {
  return Duration.parse(metadata.find((one) => one.name === name)?.value);
}

/** After so long without an acknowledgement an event is given to somebody else... */
export const PROCESSING_TIMEOUT_MS = setting('processingTimeout');
/** ... which is looked for so often. */
export const REDELIVER_INTERVAL_MS = setting('redeliverInterval');
/** What was not taken is given again by the same sidecar after so long. */
export const EVENT_PAUSE_MS = policies.retries.event.duration;

/** How often a call is made at most, and what lies between two attempts. */
export const CALL_ATTEMPTS = 1 + policies.retries.call.maxRetries;

export function pauseAfter(attempt: number): number {
  return FIRST_PAUSE_MS * LONGER ** (attempt - 1);
}

const timeouts = new Map(
  Object.entries(targets.apps).map(([app, { timeout }]) => [app, policies.timeouts[timeout]]),
);

/** Longest that a sidecar waits for an app's answer. */
export function timeoutOf(app: string): number {
  const timeout = timeouts.get(app);
  if (timeout === undefined) throw new Error(`${app} has no target in components/resiliency.yaml`);
  return timeout;
}
