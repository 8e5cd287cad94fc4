import type { NextFunction } from 'express';
import type { EdgeState } from '../edge-state';
import { EdgeError } from '../http/errors';
import type { EdgeRequest, EdgeResponse } from '../http/types';

/** Refuses requests with 503 while the process is overloaded. Open event streams do not count. */
export function shedLoad(edge: EdgeState) {
  return (_: EdgeRequest, response: EdgeResponse, next: NextFunction): void => {
    if (edge.loadShedder.refuses(edge.inFlight - edge.openStreams)) {
      response.set('retry-after', '1');
      throw new EdgeError(503, 'the service is overloaded, try again later');
    }
    next();
  };
}
