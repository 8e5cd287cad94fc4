import { randomUUID } from 'node:crypto';
import { type MqttClient, connectAsync } from 'mqtt';
import { z } from 'zod';
import { DeviceMessageSigner, type SignedMessage } from '#contracts/device-message-signer';
import { inProject, root } from '../../../scripts/start/project.mjs';
import { brokerLog } from '../../harness/bus/broker-log';
import { startApps } from '../../harness/start-apps';
import { ADMIN, startSystem } from '../../harness/system';
import { until } from '../../harness/until';
import type { RunningSystem } from '../../harness/running-system';
import { Platform, eachOf } from '../../device-fleet/platform';
import { onSources } from '../apps';
import { type Cpu, cpuOf } from '../cpu';
import { processesOf } from '../system-variant';

/** The number of devices, which send in turns. */
const DEVICES = 100;
/** The app that subscribes to devices, in each variant. */
const SUBSCRIBER = 'iot-gateway';
/** Apps for the registration of devices; messages do not reach them. */
const ASIDE = ['gateway', 'gateway-sidecar', 'user', 'user-sidecar'];
const PATIENCE_MS = 120_000;

const telemetry = () => ({ kind: 'telemetry', data: { celsius: 4, humidity: 51 } }) as const;
const stock = () =>
  ({ kind: 'stock', data: { mode: 'delta', productId: 'product_1', change: -1 } }) as const;
const sale = (number: number) => {
  const sold = { productId: 'product_1', quantity: 1, paidMinor: 250 };
  return { kind: 'sale', data: { saleId: `sale-${number}`, ...sold } } as const;
};
/** The kinds of ten messages. */
const MIX = [
  ...[telemetry, stock, telemetry, sale, telemetry],
  ...[stock, telemetry, sale, telemetry, stock],
] as const;

const Registered = z.object({
  device: z.object({ deviceId: z.string() }),
  credential: z.string(),
});
interface Identity {
  readonly deviceId: string;
  readonly credential: string;
}

/** A system that subscribes to devices, and devices that publish. */
export class DeviceVariant {
  readonly #signers: readonly DeviceMessageSigner[];
  #sent = 0;

  private constructor(
    readonly name: string,
    private readonly system: RunningSystem,
    private readonly broker: MqttClient,
    readonly devices: readonly Identity[],
  ) {
    this.#signers = devices.map(
      (device) =>
        new DeviceMessageSigner({ tenantId: 'default', ...device }, randomUUID(), Date.now),
    );
  }

  /** iot-gateway, and the services for its devices. */
  static async ours(name: string): Promise<DeviceVariant> {
    const apps = ['gateway', 'user', 'shop', SUBSCRIBER];
    // as many as it takes: the platform is measured, and not its limit of a device
    const env = { DEVICE_MESSAGES_PER_SECOND: '10000' };
    const system = await startSystem({ apps, controlPlane: true, env });
    const admin = await Platform.signIn(system.app('gateway').url, ADMIN);
    const shop = { name: 'Corner', channels: ['store'], timeZone: 'Europe/Berlin' };
    const { shopId } = await admin.ask(z.object({ shopId: z.string() }), 'POST', '/shops', shop);
    const shelf = { shopId, kind: 'shelf', name: 'Shelf' };
    const devices = await eachOf(Array.from({ length: DEVICES }), async () => {
      const { device, credential } = await admin.ask(Registered, 'POST', '/devices', shelf);
      return { ...device, credential };
    });
    return new DeviceVariant(name, system, await brokerOf(system), devices);
  }

  /** A handler with a sidecar that publishes this event for each message, or only acknowledges. */
  static async bare(
    name: string,
    { devices }: DeviceVariant,
    event?: string,
  ): Promise<DeviceVariant> {
    const command = onSources(inProject('test', 'bench', 'devices', 'handler.ts'));
    const env = event === undefined ? {} : { BARE_EVENT: event };
    const system = await startApps([{ appId: SUBSCRIBER, cwd: root, command }], { env });
    return new DeviceVariant(name, system, await brokerOf(system), devices);
  }

  /** Sends messages concurrently, and settles when each is handled. */
  async send(count: number): Promise<void> {
    const wanted = (await this.#handled()) + count;
    const messages = Array.from({ length: count }, () => this.#next());
    const published = messages.map(({ topic, payload }) =>
      this.broker.publishAsync(topic, payload, { qos: 1 }),
    );
    await Promise.all(published);
    const isDone = async () => (await this.#handled()) >= wanted;
    await until(`${count} messages at ${this.name}`, isDone, PATIENCE_MS);
  }

  cpu(): Cpu {
    const counted = processesOf(this.system).filter(({ name }) => !ASIDE.includes(name));
    return cpuOf(Object.fromEntries(counted.map(({ name, pid }) => [name, pid])));
  }

  /** The published events of messages, from the broker's log. */
  async events(): Promise<string[]> {
    const entries = await brokerLog(this.system).entries();
    return entries.filter(({ topic }) => topic === 'device.data.received').map(({ text }) => text);
  }

  async stop(): Promise<void> {
    await this.broker.endAsync(true);
    await this.system.stop();
  }

  #next(): SignedMessage {
    const number = this.#sent++;
    const signer = this.#signers[number % this.#signers.length];
    // each device sends all of the mix, one after the other
    const message = MIX[(number + Math.floor(number / this.#signers.length)) % MIX.length];
    if (signer === undefined || message === undefined) throw new Error('there are no devices');
    const { kind, data } = message(number);
    return signer.sign(kind, data);
  }

  /** The number of messages that the service got from its sidecar. */
  async #handled(): Promise<number> {
    const { args } = this.system.app(SUBSCRIBER).plan.sidecar;
    const port = args[args.indexOf('--metrics-port') + 1];
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const counts = text.matchAll(
      /^dapr_component_input_binding_count\{.*success="true"\} (\S+)$/gm,
    );
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  }
}

function brokerOf(system: RunningSystem): Promise<MqttClient> {
  return connectAsync(`mqtt://127.0.0.1:${system.mqttPort}`, { clientId: 'bench' });
}
