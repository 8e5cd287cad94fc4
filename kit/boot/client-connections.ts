import type http from 'node:http';
import type { Socket } from 'node:net';
import { Counter, type Registry } from 'prom-client';
import { clientNetwork, isIn } from '../core/client-address';
import { type Bounds, ConcurrencyLimit } from '../core/concurrency-limit';
import { type TtlCache, setFor, ttlCache } from '../core/ttl-cache';

export interface ConnectionLimits {
  connections: Bounds;
  /** Requests of one connection without a response. Browsers and the usual libraries send one. */
  pipelined: number;
}

/** For a client that pipelined more requests than the limit. */
const BARRED_MS = 10_000;
const MAX_BARRED = 10_000;

/** The connections of clients, and the requests on each that have no response. */
export class ClientConnections {
  readonly #limit: ConcurrencyLimit;
  readonly #refused: Counter<'reason'>;
  readonly #isProxy: (address: string) => boolean;
  /** Clients that pipelined too much: their connections are closed when they are opened. */
  readonly #barred: TtlCache<number> = ttlCache(MAX_BARRED, performance);
  readonly #requests = new WeakMap<Socket, number>();

  constructor(
    private readonly limits: ConnectionLimits,
    registry: Registry,
    trustedProxies: readonly string[],
  ) {
    this.#limit = new ConcurrencyLimit(limits.connections);
    this.#isProxy = isIn(trustedProxies);
    this.#refused = new Counter({
      name: 'http_connections_refused_total',
      help: 'Connections closed because of a limit, by reason',
      labelNames: ['reason'],
      registers: [registry],
    });
  }

  open(socket: Socket): void {
    const { remoteAddress: address } = socket;
    if (address === undefined || this.#isProxy(address)) return;
    const client = clientNetwork(address);
    const isBarred = this.#barred.get(client) !== undefined;
    const place = isBarred ? 'barred' : this.#limit.take(client);
    if (typeof place === 'function') socket.once('close', place);
    else {
      this.countRefusal(isBarred ? place : `too_many_of_${place}`);
      socket.destroy();
    }
  }

  /** Counts a request of a connection; false if the connection was closed for having too many. */
  begin(socket: Socket, response: http.ServerResponse): boolean {
    // Node has read several requests at once and goes on after the connection is closed
    if (socket.destroyed) return false;
    const requests = (this.#requests.get(socket) ?? 0) + 1;
    if (requests > this.limits.pipelined) {
      this.countRefusal('pipelining');
      const { remoteAddress: address } = socket;
      // what Node has read of the connection is parsed nevertheless: up to 20 ms for each attempt
      if (address !== undefined && !this.#isProxy(address)) {
        setFor(this.#barred, clientNetwork(address), 1, BARRED_MS);
      }
      socket.destroy();
      return false;
    }
    this.#requests.set(socket, requests);
    response.once('close', () => {
      this.#requests.set(socket, (this.#requests.get(socket) ?? 1) - 1);
    });
    return true;
  }

  countRefusal(reason: string): void {
    this.#refused.inc({ reason });
  }
}
