import { once } from 'node:events';
import { createServer } from 'node:http';
import { json, text } from 'node:stream/consumers';
import { freePorts } from '../harness/ports';
import type { EndpointRequest } from '#kit/transport/sidecar';
import { echo } from './sample';

/** The HTTP endpoints of the sample service on real ports: `echo`, and `nowhere` without a listener. */
export async function startEcho() {
  const [port = 0, closed = 0] = await freePorts(2);
  const server = createServer((request, response) => {
    void (async () => {
      const { method = '', url = '', headers } = request;
      const typed = headers['content-type'] === 'application/json';
      const body = await (typed ? json(request) : text(request));
      const answer = await echo({
        // the sample sends methods of the kit only
        method: method as EndpointRequest['method'],
        path: url,
        body: body === '' ? undefined : body,
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [name, String(value)]),
        ),
      });
      const isText = typeof answer.body === 'string';
      response.writeHead(answer.status, {
        'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
      });
      response.end(isText ? answer.body : JSON.stringify(answer.body));
    })();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const at = (where: number) => `http://127.0.0.1:${where}`;
  return {
    endpoints: { echo: at(port), nowhere: at(closed) },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((stopped) => server.close(stopped));
    },
  };
}
