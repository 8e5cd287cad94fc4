import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type NextFunction, Router } from 'express';
import type { EdgeRequest, EdgeResponse } from '../http/types';
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

/** Of what changes only with another version: the page itself, which names the rest, is revalidated. */
const ASSET_SECONDS = 3_600;

/**
 * Serves the OpenAPI document at `openapi.json`, and a page to read it and try requests. Its files are
 * read and compressed once.
 */
export function docs(
  at: string,
  base: string,
  routes: readonly Route[],
  limit: (request: EdgeRequest, response: EdgeResponse, next: NextFunction) => unknown,
): Router {
  const asset = (name: string, type: string) =>
    new File(type, () => readFileSync(join(ASSETS, name)), ASSET_SECONDS);
  const files = {
    '': new File('text/html; charset=utf-8', () => page(at)),
    '/page.js': new File('text/javascript; charset=utf-8', () => script(at)),
    '/openapi.json': new File('application/json; charset=utf-8', () =>
      JSON.stringify(openapi(base, routes)),
    ),
    '/swagger-ui.css': asset('swagger-ui.css', 'text/css; charset=utf-8'),
    '/swagger-ui-bundle.js': asset('swagger-ui-bundle.js', 'text/javascript; charset=utf-8'),
    '/favicon-32x32.png': asset('favicon-32x32.png', 'image/png'),
  };
  const router = Router({ strict: true, caseSensitive: true });
  for (const [path, file] of Object.entries(files)) {
    router.get(at + path, limit, (request: EdgeRequest, response: EdgeResponse) =>
      file.send(request, response),
    );
  }
  return router;
}

const compress = promisify(gzip);

/** Contents, and their ETag by encoding. */
interface Variant {
  readonly bytes: Buffer;
  readonly etag: string;
}

/** A file of the documentation, in memory from its first request on. */
class File {
  #plain: Variant | undefined;
  #gzipped: Promise<Variant> | undefined;

  constructor(
    private readonly type: string,
    private readonly read: () => string | Buffer,
    private readonly maxAgeSeconds = 0,
  ) {}

  async send(request: EdgeRequest, response: EdgeResponse): Promise<void> {
    const plain = (this.#plain ??= variant(Buffer.from(this.read())));
    const isCompressed = request.acceptsEncodings('gzip', 'identity') === 'gzip';
    if (isCompressed) this.#gzipped ??= compress(plain.bytes, { level: 9 }).then(variant);
    const { bytes, etag } = (isCompressed ? await this.#gzipped : undefined) ?? plain;
    response.set({
      'content-type': this.type,
      'content-security-policy': POLICY,
      'cache-control':
        this.maxAgeSeconds === 0 ? 'no-cache' : `public, max-age=${this.maxAgeSeconds}`,
      etag,
      vary: 'accept-encoding',
      ...(isCompressed ? { 'content-encoding': 'gzip' } : {}),
    });
    if (request.fresh) {
      response.removeHeader('content-encoding');
      response.status(304).end();
      return;
    }
    response.setHeader('content-length', bytes.length);
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }
}

function variant(bytes: Buffer): Variant {
  return { bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url')}"` };
}
