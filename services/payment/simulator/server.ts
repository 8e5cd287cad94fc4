import type { IncomingMessage, RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Log } from '#kit/core/log';
import type { SimulatedProvider } from './provider';

/** The provider over HTTP. It logs neither requests nor responses. */
export function requestListener(provider: SimulatedProvider, log: Log): RequestListener {
  return (request, response) => {
    const respond = async () => {
      const { method = '', url: path = '', headers } = request;
      const { status, body } = await provider.answer({
        method,
        path,
        headers,
        body: await bodyOf(request),
      });
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    respond().catch((error: unknown) => {
      log.error({ method: request.method, err: error }, 'request failed');
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  };
}

/** The body, or undefined if it is not JSON: validation then reports the missing fields. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const body = await text(request);
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
