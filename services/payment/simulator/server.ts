import type { IncomingMessage, RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Log } from '#kit/core/log';
import type { SimulatedProvider } from './provider';

/** The provider over HTTP. Its log has neither what was sent nor what was answered. */
export function listener(provider: SimulatedProvider, log: Log): RequestListener {
  return (request, response) => {
    const answering = async () => {
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
    answering().catch((error: unknown) => {
      log.error({ method: request.method, err: error }, 'request failed');
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  };
}

/** What is no JSON has no field that is asked for, and is refused as such. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const sent = await text(request);
  try {
    return JSON.parse(sent);
  } catch {
    return undefined;
  }
}
