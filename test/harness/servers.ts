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

/** Puts a proxy in front of a server, which listens on `port`; returns the port of the proxy. */
export type Front = (server: string, port: number) => Promise<number>;

/** The platform's own account at the broker of the devices, where that needs one. */
export const PLATFORM = { userName: 'platform', password: 'only-for-tests-of-one-minute' };

/** The servers of one system. If its devices use RabbitMQ, that is a server of its own. */
export interface Servers {
  readonly of: Readonly<Record<ServerKind, Server>>;
  readonly deviceBroker: DeviceBroker;
  /** The platform's account at the broker of the devices. */
  readonly platform?: { readonly userName: string; readonly password: string };
}

/**
 * In a test mosquitto accepts any client, as most systems run no service with the accounts. The MQTT
 * plugin of RabbitMQ cannot; its tests create the accounts.
 */
export function serversFor(deviceBroker: ServerKind | undefined): Servers {
  if (deviceBroker !== 'rabbitmq') return { of: servers, deviceBroker: deviceBrokers.mosquitto() };
  const broker = deviceBrokers.rabbitmq(PLATFORM);
  return { of: { ...servers, rabbitmq: broker }, deviceBroker: broker, platform: PLATFORM };
}

/** The ports of the servers of one system, and those of the proxies in front of them. */
export interface ServerPorts {
  /** All ports of each server, the one for clients first. */
  readonly own: Readonly<Record<ServerKind, readonly number[]>>;
  readonly clients: Readonly<Record<ServerKind, number>>;
  readonly fronts: Readonly<Record<ServerKind, number>>;
}

/**
 * Assigns ports to all servers, needed or not: an unused port costs nothing. Only the needed ones get
 * a proxy.
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

/** The engines that run servers in containers, by the kind of server. */
export type Engines = Readonly<Partial<Record<ServerKind, Engine>>>;

/** How a server is started in the folder of a system. Creates the server's own folder there. */
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
