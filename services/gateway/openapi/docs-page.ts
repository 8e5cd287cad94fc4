import { dirname } from 'node:path';
import { Router, static as serveStatic } from 'express';
import type { Route } from '../routes/types';
import { openapi } from './document';

/** The page may load files from this server only: no inline scripts, and nothing from elsewhere. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:", // icons in the style sheet
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

// Swagger UI is one script and one style sheet, can try requests, and needs neither inline scripts nor
// eval. Redoc and Scalar insert style elements into the page, and Redoc cannot try requests.
const ASSETS = dirname(require.resolve('swagger-ui-dist/package.json'));
const FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

const page = (at: string) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Omnichannel API</title>
    <link rel="stylesheet" href="${at}/swagger-ui.css" />
    <link rel="icon" href="${at}/favicon-32x32.png" />
  </head>
  <body>
    <div id="api"></div>
    <script src="${at}/swagger-ui-bundle.js"></script>
    <script src="${at}/page.js"></script>
  </body>
</html>
`;

const script = (at: string) => `SwaggerUIBundle({
  url: '${at}/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
`;

/** Serves the OpenAPI document at `openapi.json`, and a page to read it and try requests. */
export function docs(at: string, base: string, routes: readonly Route[]): Router {
  const document = JSON.stringify(openapi(base, routes));
  const router = Router({ strict: true, caseSensitive: true });
  const texts = { '': ['html', page(at)], '/page.js': ['js', script(at)] } as const;
  for (const [path, [type, text]] of Object.entries(texts)) {
    router.get(at + path, (_, response) => {
      response.set({ 'content-security-policy': POLICY, 'cache-control': 'no-cache' });
      response.type(type).send(text);
    });
  }
  router.get(`${at}/openapi.json`, (_, response) => {
    response.set('cache-control', 'no-cache').type('json').send(document);
  });
  const assets = serveStatic(ASSETS, { index: false, redirect: false, maxAge: '1h' });
  router.use(at, (request, response, next) => {
    if (FILES.includes(request.path.slice(1))) assets(request, response, next);
    else next();
  });
  return router;
}
