import { type JsonObject, create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import {
  DeadLetterSchema,
  type OperationsService,
} from '#proto/retail/operations/v1/operations_pb';
import { type Caller, DEFAULT_TENANT, requireRole } from '../core/caller';
import { Code, MicroserviceError } from '../core/errors';
import { toTimestamp } from '../core/timestamps';
import { PageRequest, validate } from '../core/validation';
import type { DeadLetter } from '../delivery/dead-letters';
import type { ServiceRuntime } from '../runtime/service-runtime';
import type { Handlers } from '../service/handlers';

/** The state of a process. */
export interface ProcessStatus {
  service: string;
  version: string;
  instance: string;
  startedAt: Date;
  checks(): Promise<{ name: string; ok: boolean; message: string }[]>;
}

const Replay = z.object({
  reason: z.string().min(1).max(200).optional(),
  type: z.string().min(1).max(200).optional(),
  skip: z.int().min(0),
});

/**
 * The handlers of the methods that every service has: its status, its dead letters and its parked events.
 */
export function operationsHandlers(
  runtime: ServiceRuntime,
  status: ProcessStatus,
): Handlers<typeof OperationsService, { caller: Caller }> {
  const { deadLetters } = runtime;
  return {
    async getStatus() {
      const { service, version, instance, startedAt } = status;
      const checks = await status.checks();
      const ready = checks.every(({ ok }) => ok);
      return { service, version, instance, startedAt: timestampFromDate(startedAt), ready, checks };
    },
    async listDeadLetters(request, { caller }) {
      requireOperator(caller);
      const { page, limit } = validate(PageRequest, request);
      const { letters, total } = await deadLetters.page(page, limit);
      return { items: letters.map((letter) => toMessage(letter)), page, limit, total };
    },
    async getDeadLetter({ id }, { caller }) {
      requireOperator(caller);
      return toMessage(await deadLetters.get(id), true);
    },
    async replayDeadLetter({ id }, { caller }) {
      requireOperator(caller);
      const { succeeded } = await runtime.replay(id);
      return succeeded
        ? { succeeded }
        : { succeeded, deadLetter: toMessage(await deadLetters.get(id)) };
    },
    async discardDeadLetter({ id }, { caller }) {
      requireOperator(caller);
      await deadLetters.discard(id);
      return {};
    },
    async replayDeadLetters(request, { caller }) {
      requireOperator(caller);
      const { skip, ...filter } = validate(Replay, request);
      return runtime.replayAll(filter, skip);
    },
    async getParkedEvents(_, { caller }) {
      requireOperator(caller);
      const waiting = await runtime.parkedEvents.waiting();
      const items = waiting.map(({ dependency, events, since, failure }) => ({
        dependency,
        events,
        since: timestampFromDate(new Date(since)),
        reason: failure?.reason ?? '',
        message: failure?.message ?? '',
      }));
      return { items };
    },
  };
}

/**
 * Throws PERMISSION_DENIED unless the caller is an admin of the default tenant: the dead letters are
 * those of all tenants.
 */
function requireOperator(caller: Caller): void {
  requireRole(caller, 'admin');
  if (caller.tenantId === DEFAULT_TENANT) return;
  throw new MicroserviceError('only for admins of the default tenant', Code.PERMISSION_DENIED);
}

function toMessage({ event, ...letter }: DeadLetter, withEvent = false) {
  return create(DeadLetterSchema, {
    ...letter,
    firstFailedAt: toTimestamp(letter.firstFailedAt),
    lastFailedAt: toTimestamp(letter.lastFailedAt),
    // the event was parsed from JSON
    ...(withEvent ? { event: event as JsonObject } : {}),
  });
}
