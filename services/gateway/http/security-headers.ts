import helmet from 'helmet';

/**
 * Headers that let a browser do nothing with a response but read it. The API documentation replaces the
 * content security policy by one of its own.
 */
export const securityHeaders = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  xFrameOptions: { action: 'deny' },
  // for pages, or for browsers that are no longer in use
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
  // app.ts turns that header off
  xPoweredBy: false,
});
