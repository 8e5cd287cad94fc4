import type { RequestListener } from 'node:http';
import express, { type Express } from 'express';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { audit } from './auth/audit-log';
import { type EdgeConfig, configOf } from './definition';
import { EdgeState } from './edge-state';
import { streamHandler } from './handlers/event-stream';
import { rpcHandler } from './handlers/rpc-handler';
import { localHandler } from './handlers/status';
import { readBody } from './http/body';
import { crossOrigin } from './http/cors';
import { securityHeaders } from './http/security-headers';
import { authorize, countUnmatched } from './middleware/authentication';
import { handleErrors } from './middleware/error-handling';
import { type Work, shedLoad } from './middleware/load-shedding';
import { observe } from './middleware/observation';
import { limitAll, limitRoute } from './middleware/rate-limiting';
import {
  listMethods,
  recordEndpoint,
  refuseMalformed,
  refuseMethod,
  refusePath,
} from './middleware/routing';
import { docs } from './openapi/docs-page';
import { BASE, routes } from './routes/table';
import type { Route } from './routes/types';
import type { EdgeRequest, EdgeResponse } from './http/types';

const DOCS = '/api/docs';

/**
 * The HTTP application of the gateway, built from the table of routes. It closes what it has open when
 * `stopping` is aborted.
 */
export function createApp(runtime: ServiceRuntime, stopping: AbortSignal): RequestListener {
  const config = configOf(runtime);
  const edge = new EdgeState(runtime, config, stopping);
  const { authenticator, rateLimiter, unfinishedBodies, work } = edge;
  const countRequest = countUnmatched(authenticator, rateLimiter);
  const app = newExpress(config);

  edge.health.start();
  edge.loadShedder.start();
  app.use(observe(edge), audit(runtime.log, config.AUDIT_FILE));
  app.use(securityHeaders, ...crossOrigin(config.CORS_ORIGINS));
  app.use(refuseMalformed(rateLimiter));
  for (const [path, ofPath] of Map.groupBy(routes, ({ path }) => path)) {
    const router = app.route(BASE + path);
    router.all(recordEndpoint(BASE + path));
    for (const route of ofPath) {
      const verb = route.method.toLowerCase() as Lowercase<Route['method']>;
      router[verb](
        // the status routes stay available under load
        ...('handle' in route ? [] : [shedLoad(work)]),
        authorize(route, authenticator, rateLimiter),
        ...('rpc' in route && (verb === 'post' || verb === 'patch')
          ? [readBody(route.maxBodyBytes, unfinishedBodies, work)]
          : []),
        // after the body is read: the limit of sign-ins counts the account in it
        ...limitRoute(route, rateLimiter),
        releasing(work, lastHandler(route, edge, stopping)),
      );
    }
    router.options(limitAll(rateLimiter, 'status'), listMethods(ofPath));
    router.all(countRequest, refuseMethod(ofPath));
  }
  app.use(docs(DOCS, BASE, routes, limitAll(rateLimiter, 'docs')));
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

type Handler = (request: EdgeRequest, response: EdgeResponse) => Promise<void>;

/** Ends the work on a request when its handler has: the client may take its time to receive the response. */
function releasing(work: Work, handler: Handler): Handler {
  return async (request, response) => {
    try {
      await handler(request, response);
    } finally {
      work.suspend(response);
    }
  };
}

function lastHandler(route: Route, edge: EdgeState, stopping: AbortSignal) {
  if ('streams' in route) return streamHandler(route, edge, stopping);
  if ('handle' in route) return localHandler(route, edge);
  return rpcHandler(route, edge);
}
