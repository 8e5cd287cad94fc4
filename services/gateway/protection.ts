import compression from 'compression';
import helmet from 'helmet';
import type { EdgeResponse } from './exchange';

/** What a browser may do with an answer: nothing but read it. The page of docs says more. */
export const security = helmet({
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
});

const THRESHOLD_BYTES = 1_024;

/**
 * Compresses what is large and gets smaller by it. Not what holds a secret beside something that
 * the client chose, whose length would tell of the secret; and not a stream of events, which is
 * to go out at once.
 */
export const packed = compression({
  threshold: THRESHOLD_BYTES,
  filter: (request, response) => {
    // express hands over its own, under the names of Node
    const { locals } = response as unknown as EdgeResponse;
    const { endpoint } = locals;
    if (endpoint.includes('/auth/')) return false;
    if (String(response.getHeader('content-type')).startsWith('text/event-stream')) return false;
    return compression.filter(request, response);
  },
});
