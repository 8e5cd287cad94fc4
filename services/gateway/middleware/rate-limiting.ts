import type { NextFunction } from 'express';
import type { EdgeRequest, EdgeResponse } from '../http/types';
import type { RateLimiter } from '../rate-limits/rate-limiter';
import type { Route } from '../routes/types';

/** Counts requests against a limit that does not depend on the route. */
export function limitAll(limiter: RateLimiter, limit: 'status' | 'docs') {
  return async (request: EdgeRequest, response: EdgeResponse, next: NextFunction) => {
    await limiter[limit](request, response);
    next();
  };
}

/** Counts a request against the limit that its route has besides the general one. */
export function limitRoute(route: Route, limiter: RateLimiter) {
  const limit = 'rpc' in route ? route.limit : undefined;
  if (limit === undefined) return [];
  const check = async (request: EdgeRequest, response: EdgeResponse, next: NextFunction) => {
    await limiter[limit](request, response);
    next();
  };
  return [check];
}
