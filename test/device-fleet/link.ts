import { type MqttClient, connect } from 'mqtt';
import type { Message } from './outbox';

/** The MQTT credentials of a device. */
export interface Account {
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
}

const CONNECT_MS = 20_000;
const RECONNECT_MS = 1_000;
/** Longer than the broker needs to notice a lost connection itself. */
const KEEPALIVE_SECONDS = 30;

/** A device's connection to the broker, which reconnects when it is lost. */
export class Link {
  #client: MqttClient | undefined;
  #lost = Promise.withResolvers<never>();

  constructor(
    private readonly url: string,
    private readonly account: Account,
    private readonly subscription: {
      readonly topic: string;
      readonly received: (payload: string) => void;
    },
  ) {}

  get isUp(): boolean {
    return this.#client?.connected ?? false;
  }

  /**
   * Connects, and retries; `up` is called on each connection. Each attempt has another last will, since a
   * will has an effect once.
   */
  open(nextWill: () => Message, up: () => void): void {
    const lost = Promise.withResolvers<never>();
    // there may be no send that waits for it
    lost.promise.catch(() => {});
    this.#lost = lost;
    const will = () => {
      const { topic, payload } = nextWill();
      return { topic, payload: Buffer.from(payload), qos: 1 as const, retain: false };
    };
    const client = connect(this.url, {
      ...this.account,
      clean: false,
      keepalive: KEEPALIVE_SECONDS,
      connectTimeout: CONNECT_MS,
      reconnectPeriod: RECONNECT_MS,
      // the broker may read a new account a few seconds after the device has it
      reconnectOnConnackError: true,
      will: will(),
    });
    this.#client = client;
    const { topic, received } = this.subscription;
    client.on('connect', () => {
      if (client !== this.#client) return;
      client.subscribe(topic, { qos: 1 });
      up();
    });
    client.on('message', (_, payload) => {
      if (client === this.#client) received(payload.toString());
    });
    client.on('close', () => {
      client.options.will = will();
    });
    // it reconnects, and a connection that stays down is noticed from outside
    client.on('error', () => {});
  }

  /** Settles when the broker has the message; rejects if the connection is given up before. */
  async send({ topic, payload }: Message): Promise<void> {
    const client = this.#client;
    if (client === undefined) throw new Error('not connected');
    const { promise } = this.#lost;
    await Promise.race([client.publishAsync(topic, payload, { qos: 1 }), promise]);
  }

  /** Drops the connection: the broker publishes the last will. */
  drop(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.stream.destroy();
    client?.end(true);
    this.#lost.reject(new Error('the connection was dropped'));
  }

  /** Disconnects: the broker publishes no last will. */
  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.endAsync();
    this.#lost.reject(new Error('the connection was closed'));
  }
}
