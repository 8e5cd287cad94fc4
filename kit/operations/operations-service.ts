import { toTimestamp } from '../core/timestamps';
import { type JsonObject, create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  DeadLetterSchema,
  type OperationsService,
} from '#proto/retail/operations/v1/operations_pb';
import type { Caller } from '../core/caller';
import type { DeadLetter } from '../delivery/dead-letters';
import { Code, MicroserviceError } from '../core/errors';
import type { ServiceRuntime } from '../runtime/service-runtime';
import type { Handlers } from '../service/handlers';
import { PageRequest, validate } from '../core/validation';

/** What a process tells of itself. */
export interface ProcessStatus {
  service: string;
  version: string;
  instance: string;
  startedAt: Date;
  checks(): Promise<{ name: string; ok: boolean; message: string }[]>;
}

/** What every service answers besides its own methods: how it is, and its dead letters. */
export function operationsHandlers(
  runtime: ServiceRuntime,
  status: ProcessStatus,
): Handlers<typeof OperationsService, { caller: Caller }> {
  const letters = runtime.deadLetters;
  return {
    async getStatus() {
      const { service, version, instance, startedAt } = status;
      const checks = await status.checks();
      const ready = checks.every(({ ok }) => ok);
      return { service, version, instance, startedAt: timestampFromDate(startedAt), ready, checks };
    },
    async listDeadLetters(request, { caller }) {
      forAdmins(caller);
      const { page, limit } = validate(PageRequest, request);
      const { letters: found, total } = await letters.page(page, limit);
      return { items: found.map((letter) => toMessage(letter)), page, limit, total };
    },
    async getDeadLetter({ id }, { caller }) {
      forAdmins(caller);
      return toMessage(await letters.get(id), true);
    },
    async replayDeadLetter({ id }, { caller }) {
      forAdmins(caller);
      const { succeeded } = await runtime.replay(id);
      return succeeded
        ? { succeeded }
        : { succeeded, deadLetter: toMessage(await letters.get(id)) };
    },
    async discardDeadLetter({ id }, { caller }) {
      forAdmins(caller);
      await letters.discard(id);
      return {};
    },
  };
}

function forAdmins({ role }: Caller): void {
  if (role !== 'admin' && role !== 'service') {
    throw new MicroserviceError('this is for admins', Code.PERMISSION_DENIED);
  }
}

function toMessage({ event, ...letter }: DeadLetter, whole = false) {
  return create(DeadLetterSchema, {
    ...letter,
    firstFailedAt: toTimestamp(letter.firstFailedAt),
    lastFailedAt: toTimestamp(letter.lastFailedAt),
    // it was read from JSON, so it is JSON
    ...(whole ? { event: event as JsonObject } : {}),
  });
}
