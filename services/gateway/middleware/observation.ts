import type { NextFunction } from 'express';
import { anonymous } from '#kit/core/caller';
import type { EdgeState } from '../edge-state';
import { trailOf } from '../http/headers';
import type { EdgeRequest, EdgeResponse } from '../http/types';

/** Stands for the pattern of a request that matches no route. */
export const NO_ENDPOINT = 'unknown';

/** Runs first: initialises the state of a request, and logs and measures it when it is complete. */
export function observe(edge: EdgeState) {
  const { clock, log, metrics } = edge.runtime;
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
    // a response is private until a handler decides otherwise
    response.setHeader('cache-control', 'no-store');

    const started = performance.now();
    edge.inFlight++;
    response.once('close', () => {
      edge.inFlight--;
      const { method } = request;
      const { endpoint } = response.locals;
      const duration = performance.now() - started;
      // 499 as in nginx: the client closed the connection before the response was sent
      const status = response.writableFinished ? response.statusCode : 499;
      metrics.httpRequests.inc({ method, endpoint, status: String(status) });
      metrics.httpDuration.observe({ method, endpoint }, duration / 1000);
      const line = { method, endpoint, status, duration, requestId, correlationId };
      log.info(line, 'request completed');
    });
    next();
  };
}
