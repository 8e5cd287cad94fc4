import { randomUUID } from 'node:crypto';
import { type IClientOptions, type MqttClient, connectAsync } from 'mqtt';
import { z } from 'zod';
import { type Kind, topicText } from '#contracts/device-messages';
import { DeviceMessageSigner, type SignedMessage } from '#contracts/device-message-signer';
import { eventsOf } from '../e2e/bus';
import { SystemFixture } from '../e2e/fixtures';
import type { SystemOptions } from '../harness/system';
import { until } from '../harness/until';
import type { RunningSystem } from '../harness/running-system';

const Registered = z.looseObject({
  device: z.looseObject({ deviceId: z.string() }),
  userName: z.string(),
  credential: z.string(),
});
const Accounts = z.object({
  items: z.array(
    z.object({
      userName: z.string(),
      passwordHash: z.string(),
      saltedSha256: z.string(),
      topic: z.string(),
    }),
  ),
});
const Shop = z.looseObject({ shopId: z.string() });
const Presence = z.looseObject({ status: z.string() });
const Command = z.looseObject({ commandId: z.string(), status: z.string() });
const Refusals = z.looseObject({
  items: z.array(z.looseObject({ kind: z.string(), reason: z.string() })),
});

/** The services that devices need. */
const APPS = ['gateway', 'user', 'shop', 'iot-gateway'];

/** A running system with a shop, to which tests add devices. */
export class DeviceFixture {
  readonly #clients: MqttClient[] = [];

  private constructor(
    readonly fixture: SystemFixture,
    readonly shopId: string,
  ) {}

  static async open(options: SystemOptions = {}): Promise<DeviceFixture> {
    const fixture = await SystemFixture.open({ apps: APPS, controlPlane: true, ...options });
    const body = { name: 'Corner', channels: ['vending'], timeZone: 'Europe/Berlin' };
    const { shopId } = await until('the shop', () =>
      fixture.admin.ask(Shop, 201, 'POST', '/shops', { body }),
    );
    return new DeviceFixture(fixture, shopId);
  }

  get system(): RunningSystem {
    return this.fixture.system;
  }

  /** A new device with an account at the broker. */
  async register() {
    const { admin } = this.fixture;
    const body = { shopId: this.shopId, kind: 'vending_machine', name: 'Hall' };
    const { device, ...account } = await admin.ask(Registered, 201, 'POST', '/devices', { body });
    await this.admitDevices();
    return { deviceId: device.deviceId, ...account };
  }

  /** Copies all accounts to the broker, if it needs them. */
  async admitDevices(): Promise<void> {
    if (this.system.admitDevices === undefined) return;
    const path = '/admin/broker-accounts?limit=100';
    const { items } = await this.fixture.admin.get(Accounts, path);
    await this.system.admitDevices(items);
  }

  /** A new device that is connected to the broker. */
  async device(options: IClientOptions = {}): Promise<TestDevice> {
    const { deviceId, ...account } = await this.register();
    const signer = new DeviceMessageSigner(
      { tenantId: 'default', deviceId, ...account },
      randomUUID(),
      () => Date.now(),
    );
    const made = new TestDevice(deviceId, account, signer, () =>
      this.connect(signer, account, options),
    );
    await made.connect();
    return made;
  }

  async connect(
    signer: DeviceMessageSigner,
    { userName, credential }: { userName: string; credential: string },
    options: IClientOptions = {},
  ): Promise<MqttClient> {
    const { topic, payload } = signer.lastWill();
    const client = await connectAsync(`mqtt://127.0.0.1:${this.system.mqttPort}`, {
      ...{ username: userName, password: credential, clientId: userName, clean: false },
      ...{ reconnectPeriod: 200, will: { topic, payload: Buffer.from(payload), qos: 1 as const } },
      ...options,
    });
    // a last will has an effect once: another one for each connection
    client.on('close', () => {
      const { will } = client.options;
      if (will) will.payload = Buffer.from(signer.lastWill().payload);
    });
    this.#clients.push(client);
    return client;
  }

  /** The data of the events of a type about a device, each event once. */
  async published(type: string, deviceId: string) {
    const events = await eventsOf(this.system);
    const own = events.filter((event) => event.type === type && event.subject === deviceId);
    return [...new Map(own.map(({ id, data }) => [id, data])).values()].map((data) =>
      Said.parse(data),
    );
  }

  /** Waits until there are `many` events of a type about a device, and returns them. */
  async waitForEvents(type: string, deviceId: string, many: number, withinMs = 30_000) {
    return until(
      `${many} ${type} of ${deviceId}`,
      async () => {
        const publishedEvents = await this.published(type, deviceId);
        return publishedEvents.length >= many && publishedEvents;
      },
      withinMs,
    );
  }

  async statuses(deviceId: string): Promise<string[]> {
    return (await this.published('device.status.updated', deviceId)).map(({ status }) =>
      String(status),
    );
  }

  async presence(deviceId: string): Promise<string> {
    return (await this.fixture.admin.get(Presence, `/devices/${deviceId}/presence`)).status;
  }

  async refusals(deviceId: string): Promise<string[]> {
    const path = `/devices/${deviceId}/refusals?limit=100`;
    const { items } = await this.fixture.admin.get(Refusals, path);
    return items.map(({ kind, reason }) => `${kind} ${reason}`);
  }

  async command(deviceId: string, seconds = 60) {
    const expiresAt = new Date(Date.now() + seconds * 1000).toISOString();
    const body = { name: 'dispense', arguments: { slot: 'A3' }, expiresAt };
    const path = `/devices/${deviceId}/commands`;
    return this.fixture.admin.ask(Command, 202, 'POST', path, { body });
  }

  async statusOf(commandId: string): Promise<string> {
    return (await this.fixture.admin.get(Command, `/devices/commands/${commandId}`)).status;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.end(true);
    await this.fixture.close();
  }
}

const Said = z.looseObject({
  status: z.string().optional(),
  outcome: z.string().optional(),
  position: z.looseObject({ seq: z.int(), at: z.string() }).optional(),
});

/** A device that does what the test tells it. */
export class TestDevice {
  #client: MqttClient | undefined;

  constructor(
    readonly deviceId: string,
    readonly account: { userName: string; credential: string },
    readonly signer: DeviceMessageSigner,
    private readonly open: () => Promise<MqttClient>,
  ) {}

  get client(): MqttClient {
    if (this.#client === undefined) throw new Error('the device is not connected');
    return this.#client;
  }

  async connect(): Promise<void> {
    this.#client = await this.open();
  }

  /** Publishes a message; settles when the broker has it. */
  async publish(
    kind: Kind,
    data: unknown,
    more: { seq?: number; v?: number } = {},
  ): Promise<SignedMessage> {
    const message = this.signer.sign(kind, data, more);
    await this.send(message);
    return message;
  }

  async send({ topic, payload }: SignedMessage): Promise<void> {
    await this.client.publishAsync(topic, payload, { qos: 1 });
  }

  /** Publishes `many` changes of a stock, one after the other. */
  async publishSales(many: number): Promise<void> {
    for (let turn = 0; turn < many; turn++) await this.publish('stock', change);
  }

  /** The commands that it receives, which are added as they arrive. */
  async subscribe(): Promise<{ commandId: string }[]> {
    const received: { commandId: string }[] = [];
    const topic = topicText({ tenantId: 'default', deviceId: this.deviceId, kind: 'command' });
    this.client.on('message', (_, payload) => {
      const command = Command.pick({ commandId: true }).safeParse(
        this.signer.verifyCommand(String(payload)),
      );
      if (command.success) received.push(command.data);
    });
    await this.client.subscribeAsync(topic, { qos: 1 });
    return received;
  }

  /** Loses its connection, so that the broker publishes its last will. */
  dropConnection(): void {
    this.client.options.reconnectPeriod = 0;
    this.client.stream.destroy();
  }
}

export const change = { mode: 'delta', productId: 'tea', change: -1 };
