import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

export interface Health {
  /** The body of /health: `{service, version, uptime, ...}`. */
  live(): object;
  /** Whether the service can do its work, and if not, what it is waiting for. */
  ready(): { ready: boolean; waitingFor: string[] };
}

export interface HttpServerOptions {
  /** The address to listen on. */
  host: string;
  /** 0 selects a free port. */
  port: number;
  health: Health;
  registry: Registry;
  /** Handles all other requests; without it they get a 404. */
  app?: http.RequestListener;
  timeouts?: Partial<Timeouts>;
}

export interface HttpServer {
  /** The port on which it listens. */
  readonly port: number;
  /**
   * Accepts no more connections. Resolves when all requests have a response, at the latest after
   * `timeoutMs`.
   */
  close(timeoutMs?: number): Promise<void>;
}

interface Timeouts {
  /** For a client to send the headers of a request, in milliseconds. */
  headersMs: number;
  /** For a client to send a whole request. */
  requestMs: number;
  /**
   * For an idle connection: longer than the usual 60 s of a load balancer, so that the balancer
   * closes first.
   */
  idleMs: number;
}

const DEFAULT_TIMEOUTS: Timeouts = { headersMs: 10_000, requestMs: 30_000, idleMs: 65_000 };

/**
 * Serves /health (200 while the process runs), /health/ready (200, or 503 with what the service is
 * waiting for), /metrics (Prometheus text), and the app. Rejects if the port is taken.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { health, registry, app = notFound } = options;
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const openResponses = new SlotList<http.ServerResponse>();
  let closing = false;

  const server = http.createServer(
    {
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      keepAliveTimeout: timeouts.idleMs,
      // how often Node checks the first two timeouts
      connectionsCheckingInterval: Math.min(5_000, timeouts.headersMs),
    },
    (request, response) => {
      if (closing) response.setHeader('connection', 'close');
      const slot = openResponses.add(response);
      response.once('close', () => {
        openResponses.remove(slot);
      });
      const path = request.url?.split('?', 1)[0];
      if (request.method !== 'GET' && request.method !== 'HEAD') app(request, response);
      else if (path === '/health')
        writeJson(response, 200, { status: 'healthy', ...health.live() });
      else if (path === '/health/ready') writeReadiness(health, response);
      else if (path === '/metrics') void writeMetrics(registry, response);
      else app(request, response);
    },
  );

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });

  return {
    // a server that listens on a port has an AddressInfo
    port: (server.address() as AddressInfo).port,
    close: async (timeoutMs = 25_000) => {
      closing = true;
      // a keep-alive connection would keep the server open after its response
      for (const response of openResponses.values()) {
        if (!response.headersSent) response.setHeader('connection', 'close');
        response.once('close', () => {
          setImmediate(() => {
            server.closeIdleConnections();
          });
        });
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          server.closeAllConnections();
        }, timeoutMs);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
}

/**
 * A collection of values that come and go, without a Set. V8 replaces the table of a Set after a number
 * of insertions and deletions, and each old table references its successor. An old table that has been
 * promoted to the old generation therefore keeps all later ones, and the values in them, alive until the
 * next major garbage collection. Measured at the edge: a Set promotes 3 KB more per request.
 */
class SlotList<T> {
  readonly #slots: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** Adds a value and returns its slot. */
  add(value: T): number {
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = value;
    return slot;
  }

  remove(slot: number): void {
    this.#slots[slot] = undefined;
    this.#free.push(slot);
  }

  values(): T[] {
    return this.#slots.filter((value) => value !== undefined);
  }
}

function writeReadiness(health: Health, response: http.ServerResponse): void {
  const { ready, waitingFor } = health.ready();
  if (ready) writeJson(response, 200, { status: 'ready' });
  else writeJson(response, 503, { status: 'not ready', waitingFor });
}

async function writeMetrics(registry: Registry, response: http.ServerResponse): Promise<void> {
  try {
    const text = await registry.metrics();
    response.writeHead(200, { 'content-type': registry.contentType }).end(text);
  } catch {
    writeJson(response, 500, { error: 'the metrics cannot be read' });
  }
}

function notFound(request: http.IncomingMessage, response: http.ServerResponse): void {
  writeJson(response, 404, {
    success: false,
    error: 'not found',
    statusCode: 404,
    timestamp: new Date().toISOString(),
  });
  // discards the rest of the request body
  request.resume();
}

function writeJson(response: http.ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
