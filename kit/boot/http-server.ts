import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Registry } from 'prom-client';
import { prepareRequest } from '../core/http-request';
import { ClientConnections, type ConnectionLimits } from './client-connections';
import { type Health, type PageLimits, StatusPages, notFound } from './status-pages';

export interface HttpServerOptions {
  /** The address to listen on. */
  host: string;
  /** 0 selects a free port. */
  port: number;
  health: Health;
  registry: Registry;
  /**
   * Handles all other requests, also those with a fault (`faultOf`); without it they get a 404. It sends
   * `100 Continue` itself when it reads the body of a request that expects that.
   */
  app?: http.RequestListener;
  timeouts?: Partial<Timeouts>;
  limits?: Partial<Limits>;
  /** Addresses and networks of proxies, whose connections are not limited by address. */
  trustedProxies?: readonly string[];
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
  /** For a client to receive a response that is complete. */
  drainMs: number;
  /** For a client to send the rest of a request that already has its response. */
  lingerMs: number;
}

const DEFAULT_TIMEOUTS: Timeouts = {
  headersMs: 10_000,
  requestMs: 30_000,
  idleMs: 65_000,
  drainMs: 30_000,
  lingerMs: 2_000,
};

/** What clients may hold or request. A client is an address, or the /64 network of an IPv6 address. */
interface Limits extends ConnectionLimits, PageLimits {
  /** Bytes of the head of a request, the request line included. */
  headBytes: number;
}

/** A quarter of the connections is kept for clients with few of them: see ConcurrencyLimit. */
export const DEFAULT_LIMITS: Limits = {
  connections: { total: 8_000, perClient: 1_000, reserved: 2_000, reservedPerClient: 50 },
  pipelined: 10,
  headBytes: 16_384,
  health: { name: 'health', quota: 1_000, window: 10 },
  metrics: { name: 'metrics', quota: 50, window: 10 },
};

/** How often the timeouts are checked. */
const CHECK_MS = 5_000;
/** How often the rest of a refused request is looked at, and how much of it is received. */
const LINGER_CHECK_MS = 100;
const LINGER_BYTES = 4 * 1024 * 1024;

/**
 * Serves /health (200 while the process runs), /health/ready (200, or 503 with what the service is
 * waiting for), /metrics (Prometheus text), and the app. Rejects if the port is taken.
 *
 * Limits what one client can hold: connections, pipelined requests, responses that it does not receive,
 * and its requests for these pages. Beyond a limit on connections, a connection is closed.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { health, registry, app = notFound, trustedProxies = [] } = options;
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const openResponses = new SlotList<OpenResponse>();
  const connections = new ClientConnections(limits, registry, trustedProxies);
  const pages = new StatusPages(health, registry, limits);
  let closing = false;

  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse) => {
    if (closing) response.setHeader('connection', 'close');
    if (!connections.begin(request.socket, response)) return;
    const slot = openResponses.add({ response, checks: 0 });
    response.once('finish', () => {
      // what has arrived together with the head is parsed by then
      setImmediate(() => {
        if (!request.complete && !request.socket.destroyed) {
          discardRest(request, timeouts.lingerMs);
        }
      });
    });
    response.once('close', () => {
      openResponses.remove(slot);
    });
    prepareRequest(request);
    if (!pages.serve(request, response)) app(request, response);
  };
  const server = http.createServer(
    {
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      keepAliveTimeout: timeouts.idleMs,
      maxHeaderSize: limits.headBytes,
      // answered by the app, in the usual form
      requireHostHeader: false,
      // how often Node checks the first two timeouts
      connectionsCheckingInterval: Math.min(CHECK_MS, timeouts.headersMs),
    },
    onRequest,
  );
  // without it Node sends `100 Continue` before the app could refuse the request
  server.on('checkContinue', onRequest);
  server.on('connection', (socket: Socket) => {
    connections.open(socket);
  });
  const everyMs = Math.min(CHECK_MS, timeouts.drainMs);
  const draining = setInterval(() => {
    for (const open of openResponses.values()) {
      if (!open.response.writableEnded) continue;
      open.checks++;
      if (open.checks * everyMs <= timeouts.drainMs) continue;
      connections.countRefusal('slow_read');
      open.response.destroy();
    }
  }, everyMs).unref();

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
      clearInterval(draining);
      for (const { response } of openResponses.values()) {
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

/** A response that is not sent completely, and how often that was noticed after its end. */
interface OpenResponse {
  readonly response: http.ServerResponse;
  checks: number;
}

/**
 * Receives the rest of a request that has its response, so that the client reads that, and closes the
 * connection of a client that sends much or slowly.
 */
function discardRest(request: http.IncomingMessage, lingerMs: number): void {
  const { socket } = request;
  const { bytesRead } = socket;
  let leftMs = lingerMs;
  const check = setInterval(() => {
    leftMs -= LINGER_CHECK_MS;
    const isOver = leftMs <= 0 || socket.bytesRead - bytesRead > LINGER_BYTES;
    if (isOver && !request.complete) socket.destroy();
    if (isOver || request.complete) stop();
  }, LINGER_CHECK_MS).unref();
  const stop = () => {
    clearInterval(check);
    socket.off('close', stop);
  };
  socket.once('close', stop);
}
