import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type DeviceBroker,
  type Server,
  missingError,
  deviceBrokers,
  servers,
} from '../../scripts/start/servers.mjs';
import { freePorts } from './ports';
import type { Engine } from './containers/engine';
import type { ProcessPlan } from './process';
import { SERVER_KINDS, type ServerKind } from './resources';
import type { ServerPlan } from './running-system';

/** What stands in front of a server: the port by which it is reached, given where it listens. */
export type Front = (server: string, port: number) => Promise<number>;

/** How a system's own account at the broker of its devices is called, where that wants one. */
export const PLATFORM = { userName: 'platform', password: 'only-for-tests-of-one-minute' };

/** The servers of one system: that to which its devices speak is another, where it is RabbitMQ. */
export interface Servers {
  readonly of: Readonly<Record<ServerKind, Server>>;
  readonly deviceBroker: DeviceBroker;
  /** The platform's account there. */
  readonly platform?: { readonly userName: string; readonly password: string };
}

/**
 * A mosquitto of a test lets everybody in: most of the systems have no service that knows the accounts.
 * The plugin of a RabbitMQ knows no such thing, and is told of them by its tests.
 */
export function serversFor(deviceBroker: ServerKind | undefined): Servers {
  if (deviceBroker !== 'rabbitmq') return { of: servers, deviceBroker: deviceBrokers.mosquitto() };
  const broker = deviceBrokers.rabbitmq(PLATFORM);
  return { of: { ...servers, rabbitmq: broker }, deviceBroker: broker, platform: PLATFORM };
}

/** Where the servers of one system listen, and where they are reached. */
export interface ServerPorts {
  /** All ports of each, the one for clients first. */
  readonly own: Readonly<Record<ServerKind, readonly number[]>>;
  readonly clients: Readonly<Record<ServerKind, number>>;
  readonly fronts: Readonly<Record<ServerKind, number>>;
}

/**
 * Gives ports to all servers, needed or not: a port that nobody listens on costs nothing. Something
 * stands in front of those that are needed only.
 */
export async function serverPorts(
  { of }: Servers,
  front: Front,
  needed: readonly ServerKind[],
): Promise<ServerPorts> {
  const own = {} as Record<ServerKind, readonly number[]>; // filled below, like the next two
  const clients = {} as Record<ServerKind, number>;
  const fronts = {} as Record<ServerKind, number>;
  for (const kind of SERVER_KINDS) {
    own[kind] = await freePorts(of[kind].ports.length);
    clients[kind] = own[kind][0] ?? 0;
    fronts[kind] = needed.includes(kind) ? await front(kind, clients[kind]) : clients[kind];
  }
  return { own, clients, fronts };
}

/** Where servers of a kind run in containers: the engine that runs them. */
export type Engines = Readonly<Partial<Record<ServerKind, Engine>>>;

/** How a server is started in the folder of a system. Sets up its own folder there. */
export async function planServer(
  { of }: Servers,
  kind: ServerKind,
  ports: ServerPorts,
  folder: string,
  planned: (name: string, command: string, args: readonly string[]) => ProcessPlan,
  engine?: Engine,
): Promise<ServerPlan> {
  const server = of[kind];
  if (engine !== undefined) {
    const [front, name] = [ports.clients[kind], server.program];
    return { engine, container: { ...server.container(ports.fronts[kind]), name, front } };
  }
  const program = server.find();
  if (program === undefined) throw missingError(server);
  const data = join(folder, 'servers', server.program);
  mkdirSync(data);
  const plan = await server.plan(program, [...ports.own[kind]], data, ports.fronts[kind]);
  const process = planned(server.program, plan.command, plan.args);
  return { ...process, env: { ...process.env, ...plan.env } };
}
