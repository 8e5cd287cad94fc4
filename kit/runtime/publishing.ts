import type { Execution } from '../core/execution';
import { type CloudEvent, cloudEvent } from '../messages/cloud-event';
import type { Contract } from '../messages/contract';
import { SIDECAR_TIMEOUT_MS } from '../transport/sidecar';
import type { ContextDeps } from './runtime-deps';

/**
 * Publishes an event. `reserveMs` of the remaining time are left for work after a failed publish; if
 * less than twice that remains, half of it.
 */
export type SendEvent = (
  event: CloudEvent,
  execution: Execution,
  reserveMs?: number,
) => Promise<void>;

/** The publishing members of a context, and `send`, on which they are built. */
export function publishing({ name, sidecar, metrics }: ContextDeps) {
  const send: SendEvent = async (event, execution, reserveMs = 0) => {
    execution.assertBeforeDeadline();
    const remaining = execution.remainingMs(SIDECAR_TIMEOUT_MS + reserveMs);
    await sidecar.publish(event, Math.max(remaining - reserveMs, remaining / 2));
    metrics.eventsPublished.inc({ type: event.type });
  };

  const publish =
    (execution: Execution) => async (contract: Contract, data: unknown, dedupKey?: string) => {
      const event = cloudEvent(name, contract, data, execution, dedupKey);
      await send(event, execution);
      execution.published.push({ type: event.type, at: event.time ?? '' });
    };

  const publishAll =
    (execution: Execution) => async (contract: Contract, all: readonly unknown[]) => {
      execution.assertBeforeDeadline();
      const events = all.map((data) => cloudEvent(name, contract, data, execution));
      await sidecar.publishAll(events, execution.remainingMs(SIDECAR_TIMEOUT_MS));
      metrics.eventsPublished.inc({ type: contract.type }, events.length);
      execution.published.push(...events.map(({ type, time = '' }) => ({ type, at: time })));
    };

  return { send, publish, publishAll };
}
