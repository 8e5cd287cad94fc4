import { type MqttClient, connect } from 'mqtt';

export interface LoginOptions {
  /** The name, where it is no other. */
  readonly clientId?: string;
  /** What arrives, as `<topic> <payload>`. */
  readonly heard?: string[];
}

/** Logs in at a broker, as a device does: its session lasts. */
export async function logIn(
  port: number,
  username: string,
  password: string,
  { clientId = username, heard = [] }: LoginOptions = {},
): Promise<MqttClient> {
  const account = { username, password, clientId, clean: false };
  const client = connect(`mqtt://127.0.0.1:${port}`, { ...account, reconnectPeriod: 0 });
  // what waits comes at once
  client.on('message', (topic, payload) => heard.push(`${topic} ${payload.toString()}`));
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => {
      resolve();
    });
    client.once('error', reject);
    client.once('close', () => {
      reject(new Error('Connection refused without a word'));
    });
  });
  // that it is told no shows in what it asked for
  client.on('error', () => {});
  return client;
}

/** Waits until this has come to an end, or its connection has, and ends that. */
export async function endAfter(client: MqttClient, work: Promise<unknown>): Promise<void> {
  const closed = new Promise<void>((resolve) => client.once('close', resolve));
  await Promise.race([work.catch(() => {}), closed]);
  await client.endAsync(true);
}
