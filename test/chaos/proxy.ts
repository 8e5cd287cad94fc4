import { once } from 'node:events';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What a wire does to those who use it:
 * - `refuse`: nobody is there; what is open is cut
 * - `hang`: takes connections and bytes, and hands on nothing until it passes again
 * - `reset`: takes a request, and resets its connection
 * - `delay`: hands on everything, late
 * - `drop`: hands on the request, and cuts the connection instead of handing on the answer
 */
export const WIRE_FAULTS = ['refuse', 'hang', 'reset', 'delay', 'drop'] as const;
export type WireFault = (typeof WIRE_FAULTS)[number];

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** A wire to a server on this machine, that can be told to misbehave. */
export class Proxy {
  #mode: WireFault | 'pass' = 'pass';
  #delayMs = 0;
  #passing = Promise.withResolvers<unknown>();
  readonly #pairs = new Set<Pair>();
  readonly #listener: Server;

  private constructor(private readonly target: number) {
    this.#passing.resolve(undefined);
    // half-open, so that the end of one direction is handed on like any other byte
    this.#listener = createServer({ allowHalfOpen: true }, (client) => {
      this.#accept(client);
    });
  }

  /** In front of the server on this port; it need not be there yet. */
  static async open(target: number, port: number): Promise<Proxy> {
    const proxy = new Proxy(target);
    await proxy.#listen(port);
    return proxy;
  }

  get port(): number {
    const address = this.#listener.address();
    if (address === null || typeof address === 'string') throw new Error('the wire is closed');
    return address.port;
  }

  /** Misbehaves from now on; `delayMs` is how late `delay` is. */
  fail(how: WireFault, delayMs = 500): void {
    if (this.#mode !== 'hang' && how === 'hang') this.#passing = Promise.withResolvers();
    if (how !== 'hang') this.#passing.resolve(undefined);
    this.#mode = how;
    this.#delayMs = delayMs;
    if (how === 'refuse') this.#cut();
  }

  /** Hands on everything again. */
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
    // that a side has gone is seen where it is read
    for (const socket of [client, server]) socket.on('error', () => {});
    void this.#carry(pair, client, server, 'request');
    void this.#carry(pair, server, client, 'answer');
  }

  /** Hands on what comes, chunk by chunk, as the mode is when each comes. */
  async #carry(pair: Pair, from: Socket, to: Socket, what: 'request' | 'answer'): Promise<void> {
    try {
      for await (const chunk of from) {
        await this.#passing.promise;
        if (this.#mode === 'delay') await sleep(this.#delayMs);
        const isCut = this.#mode === 'reset' || (this.#mode === 'drop' && what === 'answer');
        if (isCut || this.#mode === 'refuse') {
          this.#end(pair);
          return;
        }
        // a socket gives bytes unless an encoding was set
        if (!to.write(chunk as Buffer)) await once(to, 'drain');
      }
      to.end();
    } catch {
      // one side has gone: so has the other
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
