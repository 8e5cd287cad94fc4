import { deterministicId } from '../core/deterministic-id';
import type { Execution } from '../core/execution';
import type { Binding, Endpoint, Jobs } from '../service/context';
import { SIDECAR_TIMEOUT_MS } from '../transport/sidecar';
import { CALL_TIMEOUT_MS } from './rpc-clients';
import type { ContextDeps } from './runtime-deps';

/**
 * The members of a context that reach outside of the system: output bindings, HTTP endpoints and
 * jobs.
 */
export function outputs({ name, definition, sidecar }: ContextDeps) {
  const binding =
    (binding: string) =>
    (execution: Execution): Binding => ({
      send: async (operation, data, metadata = {}) => {
        execution.assertBeforeDeadline();
        const timeout = execution.remainingMs(SIDECAR_TIMEOUT_MS);
        await sidecar.send(binding, operation, data, metadata, timeout);
      },
    });

  const endpoint =
    (endpoint: string) =>
    (execution: Execution): Endpoint => ({
      request: async (request) => {
        execution.assertBeforeDeadline();
        const index = execution.effectIndex(`request ${endpoint}`);
        const key = deterministicId(execution.callContext.id, 'request', name, endpoint, index);
        const headers = { 'idempotency-key': key, ...request.headers };
        const timeout = execution.remainingMs(
          definition.callTimeouts?.[endpoint] ?? CALL_TIMEOUT_MS,
        );
        return sidecar.request(endpoint, { ...request, headers }, timeout);
      },
    });

  const jobs = (execution: Execution): Jobs => ({
    once: async (job, unique, dueTime, data) => {
      execution.assertBeforeDeadline();
      await sidecar.schedule(
        {
          name: `${job}.${unique}`,
          dueTime,
          data: { job, data, cause: deterministicId(job, unique) },
        },
        execution.remainingMs(SIDECAR_TIMEOUT_MS),
      );
    },
    every: async (job, schedule, data) => {
      execution.assertBeforeDeadline();
      await sidecar.schedule(
        { name: job, schedule, data: { job, data } },
        execution.remainingMs(SIDECAR_TIMEOUT_MS),
      );
    },
    cancel: async (job, unique) => {
      await sidecar.unschedule(`${job}.${unique}`, execution.remainingMs(SIDECAR_TIMEOUT_MS));
    },
  });

  return { binding, endpoint, jobs };
}
