import { type MqttClient, connect } from 'mqtt';
import type { Message } from './outbox';

/** With what a device shows the broker which one it is. */
export interface Account {
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
}

const CONNECT_MS = 20_000;
const RECONNECT_MS = 1_000;
/** Longer than the broker needs to find out by itself. */
const KEEPALIVE_SECONDS = 30;

/** A device's connection to the broker, which is made anew where it is lost. */
export class Link {
  #client: MqttClient | undefined;
  #lost = Promise.withResolvers<never>();

  constructor(
    private readonly url: string,
    private readonly account: Account,
    private readonly hears: { readonly topic: string; readonly heard: (payload: string) => void },
  ) {}

  get isUp(): boolean {
    return this.#client?.connected ?? false;
  }

  /** Connects with this last will, and goes on trying; `up` is called each time that it is there. */
  open(will: Message, up: () => void): void {
    const lost = Promise.withResolvers<never>();
    // nobody may be sending
    lost.promise.catch(() => {});
    this.#lost = lost;
    const client = connect(this.url, {
      ...this.account,
      clean: false,
      keepalive: KEEPALIVE_SECONDS,
      connectTimeout: CONNECT_MS,
      reconnectPeriod: RECONNECT_MS,
      // a broker may hear of an account a few seconds after the device does
      reconnectOnConnackError: true,
      will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: false },
    });
    this.#client = client;
    const { topic, heard } = this.hears;
    client.on('connect', () => {
      if (client !== this.#client) return;
      client.subscribe(topic, { qos: 1 });
      up();
    });
    client.on('message', (_, payload) => {
      if (client === this.#client) heard(payload.toString());
    });
    // it is tried again, and what comes of that is seen from outside
    client.on('error', () => {});
  }

  /** Settles when the broker has it; rejects where the connection is given up before. */
  async send({ topic, payload }: Message): Promise<void> {
    const client = this.#client;
    if (client === undefined) throw new Error('not connected');
    const { promise } = this.#lost;
    await Promise.race([client.publishAsync(topic, payload, { qos: 1 }), promise]);
  }

  /** Is gone from one moment to the next: the broker says the last will. */
  drop(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.stream.destroy();
    client?.end(true);
    this.#lost.reject(new Error('the connection was dropped'));
  }

  /** Ends as it should: no last will is said. */
  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.endAsync();
    this.#lost.reject(new Error('the connection was closed'));
  }
}
