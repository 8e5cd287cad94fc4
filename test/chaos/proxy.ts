import { once } from 'node:events';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Faults of a connection to a server:
 * - `refuse`: refuses new connections, and resets the open ones
 * - `hang`: accepts connections and bytes, and forwards nothing until the fault ends
 * - `reset`: accepts a request, and resets its connection
 * - `delay`: forwards everything late
 * - `drop`: forwards the request, and resets the connection instead of forwarding the answer
 */
export const WIRE_FAULTS = ['refuse', 'hang', 'reset', 'delay', 'drop'] as const;
export type WireFault = (typeof WIRE_FAULTS)[number];

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** A TCP proxy in front of a server on this machine, with faults on demand. */
export class Proxy {
  #mode: WireFault | 'pass' = 'pass';
  #delayMs = 0;
  #passing = Promise.withResolvers<unknown>();
  readonly #pairs = new Set<Pair>();
  readonly #listener: Server;

  private constructor(private readonly target: number) {
    this.#passing.resolve(undefined);
    // half-open, so that the end of one direction is forwarded like any byte
    this.#listener = createServer({ allowHalfOpen: true }, (client) => {
      this.#accept(client);
    });
  }

  /** In front of the server on port `target`, which may start later. */
  static async open(target: number, port: number): Promise<Proxy> {
    const proxy = new Proxy(target);
    await proxy.#listen(port);
    return proxy;
  }

  get port(): number {
    const address = this.#listener.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed');
    return address.port;
  }

  /** Begins a fault; `delayMs` is the lateness of `delay`. */
  fail(how: WireFault, delayMs = 500): void {
    if (this.#mode !== 'hang' && how === 'hang') this.#passing = Promise.withResolvers();
    if (how !== 'hang') this.#passing.resolve(undefined);
    this.#mode = how;
    this.#delayMs = delayMs;
    if (how === 'refuse') this.#cut();
  }

  /** Ends the fault: everything is forwarded again. */
  pass(): void {
    this.#mode = 'pass';
    this.#passing.resolve(undefined);
  }

  async close(): Promise<void> {
    this.pass();
    this.#cut();
    this.#listener.close();
    await once(this.#listener, 'close');
  }

  async #listen(port: number): Promise<void> {
    this.#listener.listen(port, '127.0.0.1');
    await once(this.#listener, 'listening');
  }

  #accept(client: Socket): void {
    if (this.#mode === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: true });
    const pair = { client, server };
    this.#pairs.add(pair);
    client.once('close', () => this.#pairs.delete(pair));
    // a closed side is noticed where it is read
    for (const socket of [client, server]) socket.on('error', () => {});
    void this.#forward(pair, client, server, 'request');
    void this.#forward(pair, server, client, 'answer');
  }

  /** Forwards chunk by chunk; the fault at a chunk's arrival applies to it. */
  async #forward(pair: Pair, from: Socket, to: Socket, what: 'request' | 'answer'): Promise<void> {
    try {
      for await (const chunk of from) {
        await this.#passing.promise;
        if (this.#mode === 'delay') await sleep(this.#delayMs);
        const isCut = this.#mode === 'reset' || (this.#mode === 'drop' && what === 'answer');
        if (isCut || this.#mode === 'refuse') {
          this.#end(pair);
          return;
        }
        // a socket yields bytes unless an encoding is set
        if (!to.write(chunk as Buffer)) await once(to, 'drain');
      }
      to.end();
    } catch {
      // when one side is closed, the other is as well
      this.#end(pair);
    }
  }

  #end(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.client.resetAndDestroy();
    pair.server.resetAndDestroy();
  }

  #cut(): void {
    for (const pair of this.#pairs) this.#end(pair);
  }
}
