import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MqttClient, connectAsync } from 'mqtt';
import { type Kind, signedMessage, topicText } from '#contracts/device-messages';
import { inProject, root } from '../../../scripts/start/project.mjs';
import { readRunFile } from '../../harness/run-file';
import { type AppSpec, startWorld } from '../../harness/start-world';
import { ADMIN, startSystem } from '../../harness/system';
import { until } from '../../harness/until';
import type { World } from '../../harness/world';
import { brokerLog } from '../../harness/bus/broker-log';
import { Platform, eachOf } from '../../simulator/platform';
import { z } from 'zod';
import { onSources } from '../apps';
import { type Cpu, cpuOf } from '../cpu';
import { busSettled, processesOf } from '../world-arm';
import type { Said, Script } from './script';

export const KINDS = ['status', 'telemetry', 'stock'] as const;
export type Sent = (typeof KINDS)[number];

/** So many devices take turns. */
const DEVICES = 40;
const HEARERS = ['iot-gateway', 'inventory'];
/** What works for a message: who hears it, whom these ask, and what carries it. */
const WORKERS = [...HEARERS, 'shop', 'mosquitto', 'redis-server'];

interface Device {
  readonly deviceId: string;
  readonly credential: string;
  readonly productId: string;
  readonly seqs: Map<Kind, number>;
}

const DATA: Readonly<Record<Sent, (productId: string) => unknown>> = {
  status: () => ({ status: 'online' }),
  telemetry: () => ({ celsius: 4, humidity: 51 }),
  stock: (productId) => ({ mode: 'delta', productId, change: 1 }),
};

/** A system that hears devices, and the devices. */
export class DeviceArm {
  readonly #devices: readonly Device[];
  readonly #boot = randomUUID();

  private constructor(
    readonly name: string,
    readonly world: World,
    private readonly broker: MqttClient,
    devices: readonly Omit<Device, 'seqs'>[],
  ) {
    this.#devices = devices.map((device) => ({ ...device, seqs: new Map<Kind, number>() }));
  }

  /** The services as they are. */
  static async ours(): Promise<DeviceArm> {
    const apps = ['user', 'shop', 'iot-gateway', 'inventory', 'product', 'gateway'];
    const world = await startSystem({ apps, controlPlane: true });
    const admin = await Platform.signIn(world.app('gateway').url, ADMIN);
    const shop = { shopId: 'shop_1', name: 'Shop', channels: ['store'], timeZone: 'Europe/Berlin' };
    await admin.ask(z.unknown(), 'POST', '/shops', shop);
    const Registered = z.object({
      device: z.object({ deviceId: z.string() }),
      credential: z.string(),
    });
    const names = Array.from({ length: DEVICES }, (_, index) => `shelf-${index}`);
    const devices = await eachOf(names, async (name) => {
      const asked = { shopId: 'shop_1', kind: 'shelf', name, deviceId: name };
      const { device, credential } = await admin.ask(Registered, 'POST', '/devices', asked);
      return { ...device, credential, productId: `product-${name}` };
    });
    return new DeviceArm('ours', world, await brokerOf(world), devices);
  }

  /** As many services that do nothing else, behind sidecars of their own. */
  static async bare(script: Script): Promise<DeviceArm> {
    const folder = mkdtempSync(join(tmpdir(), 'omnichannel-bare-devices-'));
    const file = join(folder, 'script.json');
    writeFileSync(file, JSON.stringify(script));
    const echo = onSources(inProject('test', 'bench', 'devices', 'echo.ts'));
    const specs = readRunFile()
      .apps.filter(({ appID }) => HEARERS.includes(appID))
      .map(({ appID: appId }): AppSpec => ({ appId, cwd: root, command: echo }));
    try {
      const world = await startWorld(specs, { env: { BARE_SCRIPT: file } });
      const devices = Array.from({ length: DEVICES }, (_, index) => {
        const deviceId = `shelf-${index}`;
        return { deviceId, credential: 'x'.repeat(43), productId: `product-${deviceId}` };
      });
      return new DeviceArm('bare', world, await brokerOf(world), devices);
    } finally {
      // read once, when they start
      rmSync(folder, { recursive: true });
    }
  }

  /** Sends messages of a kind, and settles when all that follows from them is done. */
  async send(kind: Sent, count: number): Promise<void> {
    const before = await this.#heard();
    await Promise.all(
      Array.from({ length: count }, (_, index) => {
        const device = this.#devices[index % this.#devices.length];
        if (device === undefined) throw new Error('there are no devices');
        const { topic, payload } = this.#message(device, kind);
        return this.broker.publishAsync(topic, payload, { qos: 1 });
      }),
    );
    const isHeard = async () => (await this.#heard()) - before >= count;
    await until(`${count} messages at ${this.name}`, isHeard, 120_000);
    await busSettled(this.world);
  }

  cpu(): Cpu {
    const named = processesOf(this.world).filter(({ name }) =>
      WORKERS.includes(name.replace(/-sidecar$/, '')),
    );
    return cpuOf(Object.fromEntries(named.map(({ name, pid }) => [name, pid])));
  }

  /** What this was seen to do. */
  async script(): Promise<Script> {
    const entries = (await brokerLog(this.world).entries()).toReversed();
    const said = (topic: string, what: string): Said => {
      const entry = entries.find((one) => one.topic === topic && one.text.includes(what));
      if (entry === undefined) throw new Error(`ours has not said ${topic} with ${what}`);
      const { id, ...event } = z.looseObject({ id: z.string() }).parse(JSON.parse(entry.text));
      return { topic, event: JSON.stringify({ id: `{number}${id.slice(12)}`, ...event }) };
    };
    const device = this.#devices[0];
    if (device === undefined) throw new Error('there are no devices');
    const { deviceId, productId } = device;
    return {
      received: {
        telemetry: said('device.data.received', '"telemetry"'),
        stock: said('device.data.received', '"stock"'),
      },
      stockUpdated: said('product.stock.updated', '"moved"'),
      documents: {
        stock: await this.#document(`stocks:default:shop_1:${productId}`),
        device: await this.#document(`devices:default:${deviceId}`),
      },
    };
  }

  async stop(): Promise<void> {
    await this.broker.endAsync(true);
    await this.world.stop();
  }

  async #document(key: string): Promise<string> {
    const { sidecarUrl } = this.world.app('inventory');
    const response = await fetch(`${sidecarUrl}/v1.0/state/state/${encodeURIComponent(key)}`);
    const text = await response.text();
    if (!response.ok || text === '') throw new Error(`there is no document ${key}`);
    return text;
  }

  #message({ deviceId, credential, productId, seqs }: Device, kind: Sent) {
    const topic = topicText({ tenantId: 'default', deviceId, kind });
    const seq = (seqs.get(kind) ?? 0) + 1;
    seqs.set(kind, seq);
    const at = new Date().toISOString();
    const message = { v: 1, boot: this.#boot, seq, at, data: DATA[kind](productId) };
    return { topic, payload: signedMessage(credential, topic, message) };
  }

  /** How many messages the service has taken of its sidecar. */
  async #heard(): Promise<number> {
    const { args } = this.world.app('iot-gateway').plan.sidecar;
    const port = args[args.indexOf('--metrics-port') + 1];
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const counts = text.matchAll(
      /^dapr_component_input_binding_count\{.*success="true"\} (\S+)$/gm,
    );
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  }
}

function brokerOf(world: World): Promise<MqttClient> {
  return connectAsync(`mqtt://127.0.0.1:${world.mqttPort}`, { clientId: 'bench' });
}
