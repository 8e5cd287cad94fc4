import { systemClock } from '#kit/core/clock';
import { silentLog } from '#kit/core/log';
import { CloudEvent } from '#kit/messages/cloud-event';
import { SignedEvents } from '#kit/security/signed-events';
import type { Account } from '../../scripts/devices/broker-files.mjs';
import { servers } from '../../scripts/start/servers.mjs';
import { App, type AppPlan } from './app';
import { ContainerProcess } from './containers/container-process';
import type { ContainerSpec, Engine } from './containers/engine';
import { LocalProcess, type Process, type ProcessPlan } from './process';
import type { ServerKind } from './resources';
import { until } from './until';
import type { Workplace } from './workplace';

/** How a server is started: as a process, or in a container of an engine. */
export type ServerPlan =
  ProcessPlan | { readonly container: ContainerSpec; readonly engine: Engine };

/** How a system is started. */
export interface SystemPlan {
  readonly workplace: Workplace;
  /** The ports of servers themselves, behind any proxy. */
  readonly ports: Readonly<Record<ServerKind, number>>;
  /** The server of the bus, or none if it needs no server. */
  readonly brokers: readonly ServerKind[];
  /** The broker of the devices. */
  readonly devices: {
    /** The port for devices. */
    readonly port: number;
    /** The URL for sidecars. */
    readonly url: string;
    /** Replaces all device accounts; absent where the broker accepts any client. */
    readonly admit?: (accounts: readonly Account[]) => Promise<void>;
  };
  /** The topics that each of its services subscribes to, by the bus component. */
  readonly subscriptions: Readonly<Record<string, readonly string[]>>;
  /** The ports of programs that simulate HTTP endpoints, by the name of the endpoint. */
  readonly standInPorts: Readonly<Record<string, number>>;
  readonly servers: readonly ServerPlan[];
  readonly apps: readonly AppPlan[];
  readonly serversAnswer: () => Promise<boolean>;
}

// RabbitMQ takes ten seconds on two busy cores
const SERVERS_MS = 60_000;

/** Apps with their sidecars, the servers they need, and the folder for everything that they write. */
export class RunningSystem {
  readonly servers: readonly Process[];
  readonly apps: readonly App[];

  constructor(private readonly plan: SystemPlan) {
    this.servers = plan.servers.map((server) =>
      'container' in server
        ? new ContainerProcess(server.container, server.engine)
        : new LocalProcess(server),
    );
    this.apps = plan.apps.map((app) => new App(app));
  }

  get folder(): string {
    return this.plan.workplace.folder;
  }

  /** The port of a server itself, behind any proxy. */
  portOf(server: ServerKind): number {
    return this.plan.ports[server];
  }

  get redisPort(): number {
    return this.portOf('redis');
  }

  get mqttPort(): number {
    return this.plan.devices.port;
  }

  /** Replaces all device accounts at their broker; absent where the broker accepts any client. */
  get admitDevices(): ((accounts: readonly Account[]) => Promise<void>) | undefined {
    return this.plan.devices.admit;
  }

  /** The broker of the bus: its process, and its own port, behind any proxy. */
  get broker(): {
    readonly name: ServerKind;
    readonly process: Process;
    readonly port: number;
  } {
    const [name] = this.plan.brokers;
    if (name === undefined) throw new Error('this system has no server for its bus');
    return { name, process: this.server(servers[name].program), port: this.portOf(name) };
  }

  /** The topics that each of its services subscribes to, by the bus component. */
  get subscriptions(): Readonly<Record<string, readonly string[]>> {
    return this.plan.subscriptions;
  }

  app(id: string): App {
    const found = this.apps.find((app) => app.id === id);
    if (found === undefined) throw new Error(`this system has no app ${id}`);
    return found;
  }

  /** The URL of the program that simulates an HTTP endpoint, behind any proxy. */
  standIn(endpoint: string): string {
    const port = this.plan.standInPorts[endpoint];
    if (port === undefined) throw new Error(`this system does not simulate ${endpoint}`);
    return `http://127.0.0.1:${port}`;
  }

  /** One of the servers of scripts/start/servers, placement, scheduler, or a simulated endpoint. */
  server(name: string): Process {
    const found = this.servers.find((server) => server.name === name);
    if (found === undefined) throw new Error(`this system has no server ${name}`);
    return found;
  }

  /**
   * Publishes an event through the sidecar of an app that may publish it. An event without a signature gets
   * that of its source.
   */
  async publish(
    event: Readonly<Record<string, unknown>>,
    through = String(event['source']),
  ): Promise<void> {
    await this.publishAsIs(await this.#signed(event), through);
  }

  /** Publishes an event as it is on any topic, like someone with the credentials of an app. */
  async publishAsIs(
    event: Readonly<Record<string, unknown>>,
    through = String(event['source']),
    topic = String(event['type']),
  ): Promise<void> {
    const app = this.app(through);
    const response = await fetch(`${app.sidecarUrl}/v1.0/publish/bus/${topic}`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json', ...app.sidecarHeaders },
      body: JSON.stringify(event),
    });
    if (!response.ok) {
      throw new Error(`${topic} was not published: ${response.status} ${await response.text()}`);
    }
  }

  async #signed(event: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    const { success, data } = CloudEvent.safeParse(event);
    if (!success || data.signature !== undefined) return event;
    const keys = this.apps[0]?.env['SERVICE_KEYS'] ?? '';
    const signatures = await SignedEvents.open(data.source, keys, systemClock, silentLog);
    return { ...event, signature: signatures.sign(data).signature };
  }

  /** Starts the servers, then all apps concurrently, and waits until each is ready. */
  async start(): Promise<void> {
    for (const server of this.servers) server.start();
    await until('the servers', this.plan.serversAnswer, SERVERS_MS).catch((error: unknown) => {
      throw new Error([String(error), ...this.servers.map((it) => it.tail())].join('\n'));
    });
    const apps = this.apps.filter(({ plan }) => !plan.later);
    for (const app of apps) app.start();
    await Promise.all(apps.map((app) => app.ready()));
  }

  /** Stops the services gracefully, then everything else, and removes the folder. */
  async stop(): Promise<void> {
    try {
      const services = this.apps.flatMap(({ service }) => service ?? []);
      await Promise.all(services.map((service) => service.stop()));
      await Promise.all(this.apps.map(({ sidecar }) => sidecar.stop()));
      await Promise.all(this.servers.map((server) => server.stop()));
    } finally {
      for (const server of this.servers) await server.remove?.();
      await this.plan.workplace.close();
    }
  }
}
