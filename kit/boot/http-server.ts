import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

export interface Health {
  /** What a service tells of itself as long as it runs: `{service, version, uptime, ...}`. */
  live(): object;
  /** Whether it can do its work now, and if not, what it waits for. */
  ready(): { ready: boolean; waitingFor: string[] };
}

export interface HttpServerOptions {
  /** The address to listen on. */
  host: string;
  /** 0 takes any that is free. */
  port: number;
  health: Health;
  registry: Registry;
  /** Answers whatever the kit does not; without it that is 404. */
  app?: http.RequestListener;
  timeouts?: Partial<Timeouts>;
}

export interface HttpServer {
  /** The port that it listens on. */
  readonly port: number;
  /** Takes no more connections, and settles when each request has its answer, or after `withinMs`. */
  close(withinMs?: number): Promise<void>;
}

interface Timeouts {
  /** To send a request's head, in milliseconds. */
  headersMs: number;
  /** To send a whole request. */
  requestMs: number;
  /** Without a request on a connection: longer than the usual 60 s of a load balancer. */
  idleMs: number;
}

const USUAL: Timeouts = { headersMs: 10_000, requestMs: 30_000, idleMs: 65_000 };

/**
 * Serves /health (200 as long as the process runs), /health/ready (200, or 503 with what it waits
 * for), /metrics (Prometheus text), and the app. Rejects where the port cannot be had.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { health, registry, app = notFound } = options;
  const timeouts = { ...USUAL, ...options.timeouts };
  const open = new Slots<http.ServerResponse>();
  let closing = false;

  const server = http.createServer(
    {
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      keepAliveTimeout: timeouts.idleMs,
      // how often Node looks for a client that sends too slowly
      connectionsCheckingInterval: Math.min(5_000, timeouts.headersMs),
    },
    (request, response) => {
      if (closing) response.setHeader('connection', 'close');
      const slot = open.take(response);
      response.once('close', () => {
        open.leave(slot);
      });
      const path = request.url?.split('?', 1)[0];
      if (request.method !== 'GET' && request.method !== 'HEAD') app(request, response);
      else if (path === '/health') json(response, 200, { status: 'healthy', ...health.live() });
      else if (path === '/health/ready') readiness(health, response);
      else if (path === '/metrics') void metrics(registry, response);
      else app(request, response);
    },
  );

  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(options.port, options.host, listening);
  });

  return {
    // a server that listens on a port has an address that is no path
    port: (server.address() as AddressInfo).port,
    close: async (withinMs = 25_000) => {
      closing = true;
      // a connection that is kept alive would hold the server open after its answer
      for (const response of open.taken()) {
        if (!response.headersSent) response.setHeader('connection', 'close');
        response.once('close', () => {
          setImmediate(() => {
            server.closeIdleConnections();
          });
        });
      }
      await new Promise<void>((closed) => {
        const over = setTimeout(() => {
          server.closeAllConnections();
        }, withinMs);
        server.close(() => {
          clearTimeout(over);
          closed();
        });
      });
    },
  };
}

/**
 * Who is there at the moment. Not a Set: V8 makes the table of one anew whenever so many have come and
 * gone, and one that has grown old keeps the next, and that the next: all who were ever in there
 * outlive the quick collections of garbage (measured at the edge: 3 KB more of each request).
 */
class Slots<T> {
  readonly #slots: (T | undefined)[] = [];
  readonly #free: number[] = [];

  take(one: T): number {
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = one;
    return slot;
  }

  leave(slot: number): void {
    this.#slots[slot] = undefined;
    this.#free.push(slot);
  }

  taken(): T[] {
    return this.#slots.filter((one) => one !== undefined);
  }
}

function readiness(health: Health, response: http.ServerResponse): void {
  const { ready, waitingFor } = health.ready();
  if (ready) json(response, 200, { status: 'ready' });
  else json(response, 503, { status: 'not ready', waitingFor });
}

async function metrics(registry: Registry, response: http.ServerResponse): Promise<void> {
  try {
    const text = await registry.metrics();
    response.writeHead(200, { 'content-type': registry.contentType }).end(text);
  } catch {
    json(response, 500, { error: 'the metrics could not be read' });
  }
}

function notFound(request: http.IncomingMessage, response: http.ServerResponse): void {
  json(response, 404, {
    success: false,
    error: 'not found',
    statusCode: 404,
    timestamp: new Date().toISOString(),
  });
  // what the client may still send is not waited for
  request.resume();
}

function json(response: http.ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
