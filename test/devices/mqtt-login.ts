import { type MqttClient, connect } from 'mqtt';

export interface LoginOptions {
  /** The client id, where it is not the user name. */
  readonly clientId?: string;
  /** Received messages are added to it, as `<topic> <payload>`. */
  readonly received?: string[];
}

/** Logs in at a broker as a device does, with a persistent session. */
export async function logIn(
  port: number,
  username: string,
  password: string,
  { clientId = username, received = [] }: LoginOptions = {},
): Promise<MqttClient> {
  const account = { username, password, clientId, clean: false };
  const client = connect(`mqtt://127.0.0.1:${port}`, { ...account, reconnectPeriod: 0 });
  // stored messages arrive right after the connection
  client.on('message', (topic, payload) => received.push(`${topic} ${payload.toString()}`));
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => {
      resolve();
    });
    client.once('error', reject);
    client.once('close', () => {
      reject(new Error('Connection refused by closing it'));
    });
  });
  // a refusal shows in the operation that was refused
  client.on('error', () => {});
  return client;
}

/** The clients of a test at a broker, to be closed together. */
export class Logins {
  readonly #clients: MqttClient[] = [];

  constructor(private readonly port: number) {}

  readonly logIn = async (
    userName: string,
    password: string,
    options?: LoginOptions,
  ): Promise<MqttClient> => {
    const client = await logIn(this.port, userName, password, options);
    this.#clients.push(client);
    return client;
  };

  close(): void {
    for (const client of this.#clients.splice(0)) client.end(true);
  }
}

/** Waits until the operation or the connection has ended, and closes the connection. */
export async function endAfter(client: MqttClient, work: Promise<unknown>): Promise<void> {
  const closed = new Promise<void>((resolve) => client.once('close', resolve));
  await Promise.race([work.catch(() => {}), closed]);
  await client.endAsync(true);
}
