import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

// The timeouts and retries of the sidecars and the bus, read from the files that configure them.

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
  // a password comes from the environment and has no value here
  spec: z.object({
    metadata: z.array(z.object({ name: z.string(), value: z.string().optional() })),
  }),
});

/** The sidecar's exponential policy: the first pause, and the factor of each further one. */
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

/** An event that is unacknowledged for this time is redelivered to any process... */
export const PROCESSING_TIMEOUT_MS = setting('processingTimeout');
/** ... which is checked at this interval. */
export const REDELIVER_INTERVAL_MS = setting('redeliverInterval');
/** The pause before a sidecar retries an event that was not acknowledged with SUCCESS. */
export const EVENT_PAUSE_MS = policies.retries.event.duration;

/** The most attempts of a call. */
export const CALL_ATTEMPTS = 1 + policies.retries.call.maxRetries;

export function pauseAfter(attempt: number): number {
  return FIRST_PAUSE_MS * LONGER ** (attempt - 1);
}

const timeouts = new Map(
  Object.entries(targets.apps).map(([app, { timeout }]) => [app, policies.timeouts[timeout]]),
);

/** The longest time that a sidecar waits for an app's answer. */
export function timeoutOf(app: string): number {
  const timeout = timeouts.get(app);
  if (timeout === undefined) throw new Error(`${app} has no target in components/resiliency.yaml`);
  return timeout;
}
