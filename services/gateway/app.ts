import type { RequestListener } from 'node:http';
import express, { type NextFunction } from 'express';
import { MicroserviceError } from '#kit/core/errors';
import { newCallContext } from '#kit/core/call-context';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { answer } from './handlers/rpc-handler';
import type { Bearer } from './auth/api-keys';
import { audit, isPrivileged } from './auth/audit-log';
import { Authenticator, permit } from './auth/authenticator';
import { readBody } from './http/body';
import { crossOrigin } from './http/cors';
import { docs } from './openapi/docs-page';
import { EdgeError, toErrorAnswer } from './http/errors';
import { type EdgeRequest, type EdgeResponse, sendRefusal } from './http/types';
import type { RateLimiter } from './rate-limits/rate-limiter';
import { observe } from './middleware/observation';
import { packed, security } from './http/security-headers';
import { EdgeState } from './edge-state';
import type { Route } from './routes/types';
import { routes } from './routes/table';
import { openContext } from './definition';
import { shed } from './load-shedding/load-shedder';
import { stream } from './handlers/event-stream';

export const BASE = '/api/v1';
const DOCS = '/api/docs';

/**
 * The edge: what is answered on the gateway's port, built from the table of routes. What it keeps
 * open by itself it closes when `stopping` is aborted.
 */
export function createApp(runtime: ServiceRuntime, stopping: AbortSignal): RequestListener {
  const gateway = new EdgeState(runtime, stopping);
  const { limits } = gateway;
  const authentication = new Authenticator(runtime, gateway.endedSessions);
  const { TRUSTED_PROXIES, CORS_ORIGINS } = openContext(
    runtime,
    newCallContext(runtime.clock),
  ).config;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', TRUSTED_PROXIES);
  app.set('query parser', 'simple');
  app.enable('case sensitive routing');
  app.enable('strict routing');

  gateway.health.start();
  gateway.shedding.start();
  app.use(observe(gateway), audit(runtime));
  app.use(security, ...crossOrigin(CORS_ORIGINS));
  for (const [path, rows] of Map.groupBy(routes, ({ path }) => path)) {
    const at = app.route(BASE + path);
    at.all(named(BASE + path));
    for (const row of rows) {
      const verb = row.method.toLowerCase() as Lowercase<Route['method']>;
      const reading = verb === 'post' || verb === 'patch' ? [readBody] : [];
      const guards = 'own' in row ? [] : [shed(gateway)];
      at[verb](
        ...guards,
        admit(row, authentication, limits),
        ...reading,
        ...limited(row, limits),
        'streams' in row ? stream(row, gateway, stopping) : answer(row, gateway),
      );
    }
    at.options(tellMethods(rows));
    at.all(counted(authentication, limits), refuseMethod(rows));
  }
  app.use(packed, docs(DOCS, BASE, routes));
  app.use(counted(authentication, limits), () => {
    throw new EdgeError(404, 'there is nothing here');
  });
  app.use(refuse(runtime));
  return app;
}

function named(endpoint: string) {
  return (request: EdgeRequest, response: EdgeResponse, next: NextFunction): void => {
    response.locals.endpoint = endpoint;
    response.locals.params = request.params;
    next();
  };
}

function admit(row: Route, authentication: Authenticator, limits: RateLimiter) {
  const privileged = isPrivileged(row);
  return async (request: EdgeRequest, response: EdgeResponse, next: NextFunction) => {
    const mayTry = () => limits.unverified(request, response);
    let bearer: Bearer = response.locals;
    try {
      bearer = await authentication.bearerOf(row.who, request.headers, mayTry);
      response.locals.caller = bearer.caller;
    } finally {
      // whose token is not good is counted by their address; a load balancer may always ask
      if (!('own' in row)) await limits.general(request, response);
    }
    response.locals.privileged = privileged;
    permit(row, bearer);
    next();
  };
}

/** What leads nowhere is counted too; there it matters to nobody whether a token is good. */
function counted(authentication: Authenticator, limits: RateLimiter) {
  return async (request: EdgeRequest, response: EdgeResponse, next: NextFunction) => {
    const mayTry = () => limits.unverified(request, response);
    try {
      const { caller } = await authentication.bearerOf('anyone', request.headers, mayTry);
      response.locals.caller = caller;
    } catch {
      // then by their address
    }
    await limits.general(request, response);
    next();
  };
}

function limited(row: Route, limits: RateLimiter) {
  const extra = 'rpc' in row ? row.limit : undefined;
  if (extra === undefined) return [];
  const take = async (request: EdgeRequest, response: EdgeResponse, next: NextFunction) => {
    await limits[extra](request, response);
    next();
  };
  return [take];
}

function methodsOf(rows: readonly Route[]): string {
  const methods = rows.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return [...methods, 'OPTIONS'].join(', ');
}

function tellMethods(rows: readonly Route[]) {
  return (_: EdgeRequest, response: EdgeResponse): void => {
    response.set('allow', methodsOf(rows)).status(204).end();
  };
}

function refuseMethod(rows: readonly Route[]) {
  return (request: EdgeRequest, response: EdgeResponse): void => {
    response.set('allow', methodsOf(rows));
    throw new EdgeError(405, `${request.method} is not possible here`);
  };
}

/** The last handler of all. Express knows it by its four parameters. */
function refuse({ log }: ServiceRuntime) {
  return (error: unknown, _: EdgeRequest, response: EdgeResponse, next: NextFunction): void => {
    const refusal = toErrorAnswer(error);
    if (refusal.statusCode >= 500 && !(error instanceof EdgeError)) {
      const { requestId, correlationId, endpoint } = response.locals;
      const code = error instanceof MicroserviceError ? error.code : undefined;
      log.error({ requestId, correlationId, endpoint, code, err: error }, 'request failed');
    }
    if (response.headersSent) next(error);
    else sendRefusal(response, refusal);
  };
}
