import type { NextFunction } from 'express';
import { MicroserviceError } from '#kit/core/errors';
import type { Log } from '#kit/core/log';
import { EdgeError, toErrorBody } from '../http/errors';
import { sendError } from '../http/responses';
import type { EdgeRequest, EdgeResponse } from '../http/types';

/**
 * Runs last: sends an error to the client, and logs it if it is not the client's. Express recognises an
 * error handler by its four parameters.
 */
export function handleErrors(log: Log) {
  return (error: unknown, _: EdgeRequest, response: EdgeResponse, next: NextFunction): void => {
    const body = toErrorBody(error);
    const facts = error instanceof MicroserviceError ? error.details.audit : undefined;
    if (facts !== undefined) response.locals.facts = facts;
    if (body.statusCode >= 500 && !(error instanceof EdgeError)) {
      const { requestId, correlationId, endpoint } = response.locals;
      const code = error instanceof MicroserviceError ? error.code : undefined;
      log.error({ requestId, correlationId, endpoint, code, err: error }, 'request failed');
    }
    if (response.headersSent) next(error);
    else sendError(response, body);
  };
}
