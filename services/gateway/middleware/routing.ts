import type { NextFunction } from 'express';
import { faultOf } from '#kit/core/http-request';
import { EdgeError } from '../http/errors';
import type { EdgeRequest, EdgeResponse } from '../http/types';
import type { RateLimiter } from '../rate-limits/rate-limiter';
import type { Route } from '../routes/types';

/** Refuses a malformed request, which counts for its address. */
export function refuseMalformed(limiter: RateLimiter) {
  return async (request: EdgeRequest, response: EdgeResponse, next: NextFunction) => {
    const fault = faultOf(request);
    if (fault !== undefined) {
      // a client that is not understood is not asked again
      response.set('connection', 'close');
      await limiter.general(request, response);
      throw new EdgeError(fault.status, fault.message);
    }
    next();
  };
}

/** Records the pattern and the parameters of the matched path for logs, metrics and the audit log. */
export function recordEndpoint(endpoint: string) {
  return (request: EdgeRequest, response: EdgeResponse, next: NextFunction): void => {
    response.locals.endpoint = endpoint;
    response.locals.params = request.params;
    next();
  };
}

/** Answers OPTIONS with the methods of a path. */
export function listMethods(routes: readonly Route[]) {
  return (_: EdgeRequest, response: EdgeResponse): void => {
    response.set('allow', methodsOf(routes)).status(204).end();
  };
}

/** Refuses any other method of a path with 405. */
export function refuseMethod(routes: readonly Route[]) {
  return (_: EdgeRequest, response: EdgeResponse): void => {
    response.set('allow', methodsOf(routes));
    throw new EdgeError(405, 'the method is not allowed here, see the Allow header');
  };
}

function methodsOf(routes: readonly Route[]): string {
  const methods = routes.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return [...methods, 'OPTIONS'].join(', ');
}

/** Refuses a request that matches no route. */
export function refusePath(): void {
  throw new EdgeError(404, 'no such route');
}
