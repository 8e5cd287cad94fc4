import type { RequestListener } from 'node:http';
import express, { type NextFunction } from 'express';
import { MicroserviceError } from '#kit/errors';
import type { Host } from '#kit/host';
import { answer } from './answer';
import { Authentication } from './authentication';
import { readBody } from './body';
import { EdgeError, refusalOf } from './errors';
import { type EdgeRequest, type EdgeResponse, sendRefusal } from './exchange';
import { observe } from './observation';
import { Gateway } from './own-answers';
import type { Route } from './route';
import { routes } from './routes';

export const BASE = '/api/v1';

/** The edge: what is answered on the gateway's port, built from the table of routes. */
export function createApp(host: Host): RequestListener {
  const gateway = new Gateway(host);
  const authentication = new Authentication(host);
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', false);
  app.set('query parser', 'simple');
  app.enable('case sensitive routing');
  app.enable('strict routing');

  app.use(observe(gateway));
  for (const [path, rows] of Map.groupBy(routes, ({ path }) => path)) {
    const at = app.route(BASE + path);
    at.all(named(BASE + path));
    for (const row of rows) {
      const verb = row.method.toLowerCase() as Lowercase<Route['method']>;
      const reading = verb === 'post' || verb === 'patch' ? [readBody] : [];
      at[verb](admit(row, authentication), ...reading, answer(row, gateway));
    }
    at.all(refuseMethod(rows));
  }
  app.use(() => {
    throw new EdgeError(404, 'there is nothing here');
  });
  app.use(refuse(host));
  return app;
}

function named(endpoint: string) {
  return (_: EdgeRequest, response: EdgeResponse, next: NextFunction): void => {
    response.locals.endpoint = endpoint;
    next();
  };
}

function admit({ who }: Route, authentication: Authentication) {
  return async (request: EdgeRequest, response: EdgeResponse, next: NextFunction) => {
    const { authorization } = request.headers;
    response.locals.caller = await authentication.callerFor(who, authorization);
    next();
  };
}

function refuseMethod(rows: readonly Route[]) {
  const methods = rows.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return (request: EdgeRequest, response: EdgeResponse): void => {
    response.set('allow', methods.join(', '));
    throw new EdgeError(405, `${request.method} is not possible here`);
  };
}

/** The last handler of all. Express knows it by its four parameters. */
function refuse({ log }: Host) {
  return (error: unknown, _: EdgeRequest, response: EdgeResponse, next: NextFunction): void => {
    const refusal = refusalOf(error);
    if (refusal.statusCode >= 500 && !(error instanceof EdgeError)) {
      const { requestId, correlationId, endpoint } = response.locals;
      const code = error instanceof MicroserviceError ? error.code : undefined;
      log.error({ requestId, correlationId, endpoint, code, err: error }, 'request failed');
    }
    if (response.headersSent) next(error);
    else sendRefusal(response, refusal);
  };
}
