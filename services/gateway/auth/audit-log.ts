import type { NextFunction } from 'express';
import { createLog, fileStream } from '#kit/core/log';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { newCallContext } from '#kit/core/call-context';
import { Id } from '#kit/core/validation';
import type { EdgeRequest, EdgeResponse } from '../http/types';
import type { Route } from '../routes/types';
import { openContext } from '../definition';

/**
 * Writes a line for every request that was refused, and for every one that is not for everybody to
 * make: who, what, about whom, how it ended, and the id by which its other lines are found. Only
 * ids and names of our own stand in it: what a client wrote may be a secret or somebody's name.
 */
export function audit(runtime: ServiceRuntime) {
  const { AUDIT_FILE } = openContext(runtime, newCallContext(runtime.clock)).config;
  const lines =
    AUDIT_FILE === undefined
      ? runtime.log.child({ audit: true })
      : createLog('gateway', 'info', fileStream(AUDIT_FILE));
  return (request: EdgeRequest, response: EdgeResponse, next: NextFunction): void => {
    response.once('close', () => {
      const { statusCode: status, locals } = response;
      const refused = status >= 400 && status < 500;
      if (!refused && !locals.privileged) return;
      const { userId, role, tenantId } = locals.caller;
      const { requestId, correlationId } = locals;
      lines.info(
        {
          who: { userId, role, tenantId },
          what: `${request.method} ${locals.endpoint}`,
          whom: idsIn(locals.params),
          outcome: response.writableFinished ? status : 499,
          ...{ requestId, correlationId },
        },
        refused ? 'request refused' : 'privileged request',
      );
    });
    next();
  };
}

/** Whether the route is for a few, or changes who somebody is taken for. */
export function isPrivileged({ who, path }: Route): boolean {
  return path.startsWith('/auth/') || (typeof who !== 'string' && !who.includes('customer'));
}

/** What the path names, where it is an id. */
function idsIn(params: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(params).map(([name, text]) => [name, Id.safeParse(text).data ?? 'no id']),
  );
}
