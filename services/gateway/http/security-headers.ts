import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import compression from 'compression';
import type { NextFunction } from 'express';
import helmet from 'helmet';
import type { EdgeRequest, EdgeResponse } from './types';

const protect = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  xFrameOptions: { action: 'deny' },
  // for pages, and for browsers that there are no more
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
  // express is told to say nothing
  xPoweredBy: false,
});

/** It says the same of every answer, so it is asked once. */
const HEADERS = headersOf(protect);

function headersOf(middleware: typeof protect): [name: string, value: string][] {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  middleware(request, response, () => undefined);
  return Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]);
}

/** What a browser may do with an answer: nothing but read it. The page of docs says more. */
export function security(_: EdgeRequest, response: EdgeResponse, next: NextFunction): void {
  for (const [name, value] of HEADERS) response.setHeader(name, value);
  next();
}

/** From so many bytes of a body on it is worth the while. */
export const LARGE_BYTES = 1_024;

/**
 * Compresses what is large and gets smaller by it, where the client takes it. Not what holds a secret
 * beside something that the client chose, whose length would tell of the secret. What is not to be
 * compressed does not pass it: it wraps every write of an answer.
 */
export const packed = compression({
  threshold: LARGE_BYTES,
  filter: (request, response) => {
    // express hands over its own, under the names of Node
    const { locals } = response as unknown as EdgeResponse;
    return !locals.endpoint.includes('/auth/') && compression.filter(request, response);
  },
});
