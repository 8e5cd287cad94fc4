import type http from 'node:http';
import type { Registry } from 'prom-client';
import { clientNetwork } from '../core/client-address';
import { faultOf } from '../core/http-request';
import { LocalCounter, type RequestLimit } from '../core/local-counter';

export interface Health {
  /** The body of /health: `{service, version, uptime, ...}`. */
  live(): object;
  /** Whether the service can do its work, and if not, what it is waiting for. */
  ready(): { ready: boolean; waitingFor: string[] };
}

export interface PageLimits {
  /** Requests of one client for /health and /health/ready. */
  health: RequestLimit;
  /** Requests of one client for /metrics. */
  metrics: RequestLimit;
}

/** Rendering the metrics takes at most this part of the time. */
const METRICS_SHARE = 0.05;

/** The pages that every service has. */
export class StatusPages {
  readonly #health: LocalCounter;
  readonly #metrics: LocalCounter;
  #text: Promise<string> | undefined;
  #textUntil = 0;

  constructor(
    private readonly health: Health,
    private readonly registry: Registry,
    { health: healthLimit, metrics }: PageLimits,
  ) {
    this.#health = new LocalCounter(healthLimit);
    this.#metrics = new LocalCounter(metrics);
  }

  /** Whether the request is for one of the pages, and so has its response. */
  serve(request: http.IncomingMessage, response: http.ServerResponse): boolean {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    const [path] = request.url?.split('?', 1) ?? [];
    const counter = path === '/metrics' ? this.#metrics : this.#health;
    if (path !== '/metrics' && path !== '/health' && path !== '/health/ready') return false;
    const fault = faultOf(request);
    const { isOver, resetMs } = counter.count(
      clientNetwork(request.socket.remoteAddress),
      performance.now(),
    );
    if (isOver) {
      response.setHeader('retry-after', Math.ceil(resetMs / 1000));
      writeError(response, 429, 'too many requests, try again later');
    } else if (fault !== undefined) writeError(response, fault.status, fault.message);
    else if (path === '/metrics') void this.#writeMetrics(response);
    else if (path === '/health') {
      writeJson(response, 200, { status: 'healthy', ...this.health.live() });
    } else writeReadiness(this.health, response);
    return true;
  }

  async #writeMetrics(response: http.ServerResponse): Promise<void> {
    const { registry } = this;
    try {
      if (this.#text === undefined || performance.now() >= this.#textUntil) {
        const started = performance.now();
        this.#text = registry.metrics();
        // concurrent requests share it while it is rendered
        this.#textUntil = Infinity;
        await this.#text.finally(() => {
          const now = performance.now();
          this.#textUntil = now + (now - started) * (1 / METRICS_SHARE - 1);
        });
      }
      response.writeHead(200, { 'content-type': registry.contentType }).end(await this.#text);
    } catch {
      writeJson(response, 500, { error: 'the metrics cannot be read' });
    }
  }
}

function writeReadiness(health: Health, response: http.ServerResponse): void {
  const { ready, waitingFor } = health.ready();
  if (ready) writeJson(response, 200, { status: 'ready' });
  else writeJson(response, 503, { status: 'not ready', waitingFor });
}

/** Responds with 404, or with the fault of the request. */
export function notFound(request: http.IncomingMessage, response: http.ServerResponse): void {
  const fault = faultOf(request);
  if (fault === undefined) writeError(response, 404, 'not found');
  else writeError(response, fault.status, fault.message);
  // discards the rest of the request body
  request.resume();
}

function writeError(response: http.ServerResponse, statusCode: number, error: string): void {
  const timestamp = new Date().toISOString();
  writeJson(response, statusCode, { success: false, error, statusCode, timestamp });
}

function writeJson(response: http.ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
