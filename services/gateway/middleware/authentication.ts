import type { NextFunction } from 'express';
import { isPrivileged, requirePermission } from '../auth/access';
import type { Authenticator } from '../auth/authenticator';
import type { Principal } from '../auth/principal';
import type { EdgeRequest, EdgeResponse } from '../http/types';
import type { RateLimiter } from '../rate-limits/rate-limiter';
import type { Route } from '../routes/types';

/**
 * Authenticates the caller, counts the request against the general limit, and checks permission. A
 * request with invalid credentials counts for its address. Routes that the gateway answers itself have
 * their own limit, so that a load balancer can always ask for its health.
 */
export function authorize(route: Route, authenticator: Authenticator, limiter: RateLimiter) {
  const privileged = isPrivileged(route);
  return async (request: EdgeRequest, response: EdgeResponse, next: NextFunction) => {
    const beforeVerification = () => limiter.unverified(request, response);
    let principal: Principal;
    try {
      principal = await authenticator.authenticate(
        route.access,
        request.headers,
        beforeVerification,
      );
      response.locals.caller = principal.caller;
    } finally {
      await limiter['handle' in route ? 'status' : 'general'](request, response);
    }
    response.locals.privileged = privileged;
    requirePermission(route, principal);
    next();
  };
}

/** Counts a request that matches no route. Invalid credentials are ignored: it counts for its address. */
export function countUnmatched(authenticator: Authenticator, limiter: RateLimiter) {
  return async (request: EdgeRequest, response: EdgeResponse, next: NextFunction) => {
    const beforeVerification = () => limiter.unverified(request, response);
    try {
      const { caller } = await authenticator.authenticate(
        'optional',
        request.headers,
        beforeVerification,
      );
      response.locals.caller = caller;
    } catch {
      // remains anonymous
    }
    await limiter.general(request, response);
    next();
  };
}
