import type { NextFunction } from 'express';
import { anonymous } from '#kit/core/caller';
import type { EdgeRequest, EdgeResponse } from '../http/types';
import { trailOf } from '../http/headers';
import type { EdgeState } from '../edge-state';

/** Of a request that no route is for. */
export const NO_ENDPOINT = 'unknown';

/** The first handler: gives a request its ids, and writes one line and two figures at its end. */
export function observe(gateway: EdgeState) {
  const { clock, log, metrics } = gateway.runtime;
  return (request: EdgeRequest, response: EdgeResponse, next: NextFunction): void => {
    const trail = trailOf(request.headers);
    const { requestId, correlationId } = trail;
    response.locals = {
      ...trail,
      clock,
      endpoint: NO_ENDPOINT,
      params: {},
      caller: anonymous(),
      privileged: false,
    };
    response.setHeader('x-request-id', requestId);
    response.setHeader('x-correlation-id', correlationId);
    // what is answered is somebody's, until a route says that others may see it
    response.setHeader('cache-control', 'no-store');

    const started = performance.now();
    gateway.inFlight++;
    response.once('close', () => {
      gateway.inFlight--;
      const { method } = request;
      const { endpoint } = response.locals;
      const duration = performance.now() - started;
      // the client has gone before its answer was there
      const status = response.writableFinished ? response.statusCode : 499;
      metrics.httpRequests.inc({ method, endpoint, status: String(status) });
      metrics.httpDuration.observe({ method, endpoint }, duration / 1000);
      const line = { method, endpoint, status, duration, requestId, correlationId };
      log.info(line, 'request answered');
    });
    next();
  };
}
