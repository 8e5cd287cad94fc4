import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, type AppPlan } from './app';
import { Process, type ProcessPlan } from './process';
import { until } from './until';
import type { Workplace } from './workplace';

/** A system as data: who reads it can use, kill and restart each part of it. */
export interface WorldPlan {
  readonly folder: string;
  readonly redisPort: number;
  readonly mqttPort: number;
  readonly servers: readonly ProcessPlan[];
  readonly apps: readonly AppPlan[];
}

const PLAN = 'plan.json';

/** Apps with their sidecars, the servers they need, and the folder that holds all they write. */
export class World {
  readonly servers: readonly Process[];
  readonly apps: readonly App[];

  constructor(
    protected readonly plan: WorldPlan,
    /** Where this is the one who may end it. */
    private readonly workplace?: Workplace,
  ) {
    this.servers = plan.servers.map((server) => new Process(server));
    this.apps = plan.apps.map((app) => new App(app));
  }

  get folder(): string {
    return this.plan.folder;
  }

  get redisPort(): number {
    return this.plan.redisPort;
  }

  get mqttPort(): number {
    return this.plan.mqttPort;
  }

  app(id: string): App {
    const found = this.apps.find((app) => app.id === id);
    if (found === undefined) throw new Error(`${id} is no app of this system`);
    return found;
  }

  server(name: string): Process {
    const found = this.servers.find((server) => server.name === name);
    if (found === undefined) throw new Error(`${name} is no server of this system`);
    return found;
  }

  /** Says an event on the bus, as it is, as if its source had said it. */
  async publish(event: Readonly<Record<string, unknown>>, through?: string): Promise<void> {
    const app = through === undefined ? this.apps[0] : this.app(through);
    const topic = String(event['type']);
    const response = await fetch(`${app?.sidecarUrl}/v1.0/publish/bus/${topic}`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify(event),
    });
    if (!response.ok) {
      throw new Error(`${topic} was not published: ${response.status} ${await response.text()}`);
    }
  }

  /** Lets the services finish, ends everything, and removes the folder. */
  async stop(): Promise<void> {
    const services = this.apps.flatMap((app) => app.processes.slice(0, -1));
    await Promise.all(services.map((service) => service.stop()));
    await Promise.all(this.apps.map(({ sidecar }) => sidecar.stop()));
    await Promise.all(this.servers.map((server) => server.stop()));
    await this.workplace?.close();
  }

  /** Starts the servers, then all apps at once. */
  async start(serversAnswer: () => Promise<boolean>): Promise<void> {
    for (const server of this.servers) server.start();
    await until('the servers', serversAnswer).catch((error: unknown) => {
      throw new Error([String(error), ...this.servers.map((it) => it.tail())].join('\n'));
    });
    for (const app of this.apps) app.start();
    await Promise.all(this.apps.map((app) => app.ready()));
  }

  save(): void {
    writeFileSync(join(this.folder, PLAN), JSON.stringify(this.plan));
  }

  protected static read(folder: string): WorldPlan {
    // written by save
    return JSON.parse(readFileSync(join(folder, PLAN), 'utf8')) as WorldPlan;
  }
}
