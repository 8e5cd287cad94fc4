import type { RequestListener } from 'node:http';
import express, { type Express } from 'express';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { audit } from './auth/audit-log';
import { Authenticator } from './auth/authenticator';
import { type EdgeConfig, configOf } from './definition';
import { EdgeState } from './edge-state';
import { streamHandler } from './handlers/event-stream';
import { rpcHandler } from './handlers/rpc-handler';
import { localHandler } from './handlers/status';
import { readBody } from './http/body';
import { compress } from './http/compression';
import { crossOrigin } from './http/cors';
import { securityHeaders } from './http/security-headers';
import { authorize, countUnmatched } from './middleware/authentication';
import { handleErrors } from './middleware/error-handling';
import { shedLoad } from './middleware/load-shedding';
import { observe } from './middleware/observation';
import { limitRoute } from './middleware/rate-limiting';
import { listMethods, recordEndpoint, refuseMethod, refusePath } from './middleware/routing';
import { docs } from './openapi/docs-page';
import { BASE, routes } from './routes/table';
import type { Route } from './routes/types';

const DOCS = '/api/docs';

/**
 * The HTTP application of the gateway, built from the table of routes. It closes what it has open when
 * `stopping` is aborted.
 */
export function createApp(runtime: ServiceRuntime, stopping: AbortSignal): RequestListener {
  const config = configOf(runtime);
  const edge = new EdgeState(runtime, config, stopping);
  const authenticator = new Authenticator(runtime, edge.revokedSessions);
  const countRequest = countUnmatched(authenticator, edge.rateLimiter);
  const app = newExpress(config);

  edge.health.start();
  edge.loadShedder.start();
  app.use(observe(edge), audit(runtime.log, config.AUDIT_FILE));
  app.use(securityHeaders, ...crossOrigin(config.CORS_ORIGINS));
  for (const [path, ofPath] of Map.groupBy(routes, ({ path }) => path)) {
    const router = app.route(BASE + path);
    router.all(recordEndpoint(BASE + path));
    for (const route of ofPath) {
      const verb = route.method.toLowerCase() as Lowercase<Route['method']>;
      router[verb](
        // the status routes stay available under load
        ...('handle' in route ? [] : [shedLoad(edge)]),
        authorize(route, authenticator, edge.rateLimiter),
        ...(verb === 'post' || verb === 'patch' ? [readBody] : []),
        // after the body is read: the limit of sign-ins counts the account in it
        ...limitRoute(route, edge.rateLimiter),
        lastHandler(route, edge, stopping),
      );
    }
    router.options(listMethods(ofPath));
    router.all(countRequest, refuseMethod(ofPath));
  }
  app.use(compress, docs(DOCS, BASE, routes));
  app.use(countRequest, refusePath);
  app.use(handleErrors(runtime.log));
  return app;
}

function newExpress({ TRUSTED_PROXIES }: EdgeConfig): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', TRUSTED_PROXIES);
  app.set('query parser', 'simple');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  return app;
}

function lastHandler(route: Route, edge: EdgeState, stopping: AbortSignal) {
  if ('streams' in route) return streamHandler(route, edge, stopping);
  if ('handle' in route) return localHandler(route, edge);
  return rpcHandler(route, edge);
}
