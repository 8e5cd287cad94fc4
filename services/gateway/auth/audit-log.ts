import type { NextFunction } from 'express';
import { type Log, createLog, fileStream } from '#kit/core/log';
import { Id } from '#kit/core/validation';
import type { EdgeRequest, EdgeResponse } from '../http/types';

/**
 * Writes a line for every request that was refused, and for every request to a privileged route: the
 * caller, the route, the ids in its path, the status, and the ids that connect it with other lines. For
 * a privileged route, it also contains the address of the client and the facts of the response or of the
 * refusal, such as the user who signed in or did not, or the scopes of the API key that was created.
 * Ids and our own names only: anything else that a client sent may be a secret or personal data.
 */
export function audit(log: Log, file: string | undefined) {
  const lines =
    file === undefined
      ? log.child({ audit: true })
      : createLog('gateway', 'info', fileStream(file));
  return (request: EdgeRequest, response: EdgeResponse, next: NextFunction): void => {
    response.once('close', () => {
      const { statusCode: status, locals } = response;
      const refused = status >= 400 && status < 500;
      if (!refused && !locals.privileged) return;
      const { userId, role, tenantId, ownerId } = locals.caller;
      const { requestId, correlationId, facts } = locals;
      lines.info(
        {
          who: { userId, role, tenantId, ...(ownerId === undefined ? {} : { ownerId }) },
          what: `${request.method} ${locals.endpoint}`,
          whom: idsIn(locals.params),
          ...(facts === undefined ? {} : { facts }),
          // personal data, so that it is recorded only where it can show a misuse
          ...(locals.privileged ? { from: request.ip ?? '' } : {}),
          // 499 as in nginx: the client closed the connection before the response was sent
          outcome: response.writableFinished ? status : 499,
          requestId,
          correlationId,
        },
        refused ? 'request refused' : 'privileged request',
      );
    });
    next();
  };
}

/** The parameters of the path; a value that is not a well-formed id is not repeated. */
function idsIn(params: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(params).map(([name, text]) => [name, Id.safeParse(text).data ?? 'no id']),
  );
}
