import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { CallPermissions } from '#kit/security/call-permissions';
import { EventPublishers } from '#kit/security/event-publishers';
import type { Account } from '../../scripts/devices/broker-files.mjs';
import { DAPRD_ENV, daprdArgs, withAccessControl } from '../../scripts/start/daprd.mjs';
import { readsVariable } from '../../scripts/start/environment.mjs';
import {
  authorityIn,
  controlPlaneTlsArgs,
  prepareSentry,
  sentryArgs,
} from '../../scripts/start/identities.mjs';
import { isOpen } from '../../scripts/start/ports.mjs';
import { childEnv, inProject, root } from '../../scripts/start/project.mjs';
import { findRuntime } from '../../scripts/start/runtime.mjs';
import type { AppPlan } from './app';
import { controlPlane } from './control-plane';
import { freePorts } from './ports';
import type { ProcessPlan } from './process';
import {
  type Overrides,
  type ServerKind,
  brokerIn,
  deviceBrokerIn,
  copyResources,
  serversNeeded,
  subscriptionsIn,
} from './resources';
import { readRunFile } from './run-file';
import {
  type Engines,
  type Front,
  type ServerPorts,
  type Servers,
  planServer,
  serverPorts,
  serversFor,
} from './servers';
import { standIns } from './stand-ins';
import { type Transports, withTransports } from './transports';
import { Workplace } from './workplace';
import { type ServerPlan, RunningSystem, type SystemPlan } from './running-system';

export interface StartOptions extends Transports {
  /** Folders of components; by default those of dapr.yaml. */
  resources?: readonly string[];
  /** Other values for the metadata of components: `{ bus: { processingTimeout: '5s' } }`. */
  overrides?: Overrides;
  /** The URLs of HTTP endpoints, by name: `{ 'payment-provider': 'http://127.0.0.1:8080' }`. */
  endpoints?: Readonly<Record<string, string>>;
  /** Starts placement and scheduler, which jobs and workflows need. */
  controlPlane?: boolean;
  /** Environment variables for every service. */
  env?: Readonly<Record<string, string>>;
  /**
   * As `npm start` runs it: API tokens and a Configuration of each app, and for each service only the
   * environment that it reads. Without it, for services in a test, a sidecar is open to everything on this
   * machine.
   */
  secured?: boolean;
  /** Sidecars have identities from a sentry, and services no tokens of their own: as `npm start`. */
  mtls?: boolean;
  /**
   * Puts a proxy in front of a server and returns its port: for `redis`, `kafka`, ..., and for simulated
   * HTTP endpoints, by the name of the endpoint.
   */
  front?: Front;
  /** The engines that run servers in containers, by kind; all other servers are processes of this machine. */
  engines?: Engines;
  /** Called with the system's folder while it is empty. */
  prepare?: (folder: string) => void;
}

/** An app to start. */
export interface AppSpec {
  readonly appId: string;
  /** The name of this process, where it is another process of an app; else its appId. */
  readonly name?: string;
  readonly protocol?: 'grpc' | 'http';
  /** A free port by default. */
  readonly appPort?: number;
  /** The sidecar calls the service on the port of /health: the edge. */
  readonly onePort?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** The command of its service; absent where the service runs inside the test. */
  readonly command?: readonly [string, ...string[]];
  readonly cwd?: string;
  /** Full names of the methods that it calls, by app, where it is not a service of the system. */
  readonly calls?: Readonly<Record<string, readonly string[]>>;
  /** The topics on which it publishes, where it is not a service of the system. */
  readonly publishes?: readonly string[];
  /** The test starts it: `system.app(id).start()`. */
  readonly later?: boolean;
}

/** Starts apps on free ports in a temporary folder, and waits until each is ready. */
export async function startApps(
  specs: readonly AppSpec[],
  options: StartOptions,
): Promise<RunningSystem> {
  const workplace = Workplace.open();
  try {
    const system = new RunningSystem(await planSystem(specs, options, workplace));
    await system.start();
    return system;
  } catch (error) {
    await workplace.close();
    throw error;
  }
}

/** Plans a system, with all ports, files and processes. Starts nothing. */
async function planSystem(
  specs: readonly AppSpec[],
  options: StartOptions,
  workplace: Workplace,
): Promise<SystemPlan> {
  const { folder } = workplace;
  const runFile = readRunFile();
  const paths = options.resources ?? runFile.common.resourcesPaths;
  const folders = withTransports(paths, options).map((it) => inProject(it));
  const { bin } = await findRuntime();
  options.prepare?.(folder);
  const fronted = async (server: string, port: number) =>
    (await options.front?.(server, port)) ?? port;
  const ids = specs.map(({ appId }) => appId);
  const needed = [...new Set(folders.flatMap((from) => serversNeeded(from, ids)))];
  const deviceBroker = folders.flatMap((from) => deviceBrokerIn(from, ids) ?? [])[0];
  const servers = serversFor(deviceBroker);
  const ports = await serverPorts(servers, fronted, needed);
  const devices = devicesAt(servers, deviceBroker, ports);
  const outside = await standIns(runFile, folders, ids, folder);
  const endpoints: Record<string, string> = {};
  for (const { endpoint, port } of outside) {
    endpoints[endpoint] = `http://127.0.0.1:${await fronted(endpoint, port)}`;
  }
  Object.assign(endpoints, options.endpoints);

  const resources = folders.map((from, at) => {
    const to = join(folder, 'resources', String(at));
    copyResources(
      from,
      to,
      { ports: ports.fronts, devices: devices.url, endpoints },
      options.overrides ?? {},
    );
    return to;
  });
  const sentry = options.mtls === true ? await planSentry(folder) : undefined;
  const plane =
    options.controlPlane === true
      ? await controlPlane(folder, sentry?.controlPlaneArgs)
      : undefined;

  const planned = (name: string, command: string, args: readonly string[]): ProcessPlan => ({
    ...{ name, command, args, cwd: folder, env: cleanEnv() },
    ...{ log: join(folder, 'logs', `${name}.log`), pidFile: join(folder, 'pids', name) },
  });
  const plans: ServerPlan[] = [];
  for (const kind of needed) {
    plans.push(await planServer(servers, kind, ports, folder, planned, options.engines?.[kind]));
  }
  for (const { process } of outside) {
    const { name, command, args, env } = process;
    plans.push({ ...planned(name, command, args), env: { ...cleanEnv(), ...env } });
  }
  if (plane !== undefined) {
    for (const name of ['placement', 'scheduler'] as const) {
      const [program, ...first] = [...(sentry?.before ?? []), join(bin, name)];
      const process = planned(name, program, [...first, ...plane[name].args]);
      plans.push({ ...process, env: { ...process.env, ...sentry?.envOf(`dapr-${name}`) } });
    }
  }
  if (sentry !== undefined) plans.push(planned('sentry', join(bin, 'sentry'), sentry.args));

  const calls = join(folder, 'calls.json');
  writeFileSync(calls, withOthers(inProject('components', 'calls.json'), specs));
  const publishers = join(folder, 'publishers.json');
  writeFileSync(publishers, withPublishers(inProject('components', 'publishers.json'), specs));
  const readStore = join(folder, 'read-store.yaml');
  writeFileSync(readStore, readStoreIn(join(folder, 'data')));
  const { secured = false } = options;
  const apps: AppPlan[] = [];
  for (const spec of specs) {
    const { appId, name = appId, protocol = runFile.common.appProtocol } = spec;
    const [port = 0, own = 0, daprHttpPort = 0, daprGrpcPort = 0, internal = 0, metrics = 0] =
      await freePorts(6);
    const appPort = spec.appPort ?? (spec.onePort === true ? port : own);
    const ofRunFile = runFile.apps.find(({ appID }) => appID === appId);
    const { configFilePath } = secured && ofRunFile !== undefined ? ofRunFile : runFile.common;
    const tokens = secured ? { DAPR_API_TOKEN: newToken(), APP_API_TOKEN: newToken() } : {};
    const env = {
      ...runFile.common.env,
      SERVICE_KEYS: join(folder, 'service-keys'),
      SERVICE_IDENTITY: sentry === undefined ? 'token' : 'sidecar',
      SERVICE_CALLS: calls,
      EVENT_PUBLISHERS: publishers,
      ...tokens,
      ...(secured && ofRunFile !== undefined ? readBy(appId, options.env ?? {}) : options.env),
      ...spec.env,
      ...(spec.env?.['DEVICE_KEY_FILE'] && { DEVICE_KEY_FILE: join(folder, 'device-key') }),
      ...(spec.env?.['USER_KEY_FILE'] && { USER_KEY_FILE: join(folder, 'user-key') }),
      ...(spec.env?.['READ_STORE'] && { READ_STORE: readStore }),
      ...(spec.env?.['INGEST_PORT'] && { INGEST_PORT: '0' }),
      APP_ID: appId,
      PORT: String(port),
      APP_PORT: String(appPort),
      DAPR_HTTP_PORT: String(daprHttpPort),
      DAPR_GRPC_PORT: String(daprGrpcPort),
    };
    const configuration =
      sentry === undefined ? inProject(configFilePath) : join(folder, 'resources', `${name}.yaml`);
    if (sentry !== undefined) {
      const text = await withAccessControl(inProject(configFilePath), appId, calls);
      writeFileSync(configuration, text);
    }
    const [program, ...first] = [...(sentry?.before ?? []), join(bin, 'daprd')];
    const started = planned(`${name}-sidecar`, program, [
      ...first,
      ...daprdArgs({
        ...{ app: appId, protocol, appPort, configuration, resources },
        ports: { http: daprHttpPort, grpc: daprGrpcPort, internal, metrics },
        plane: plane && { placement: plane.placement.port, scheduler: plane.scheduler.port },
        sentry: sentry?.address,
      }),
    ]);
    const sidecar = {
      ...started,
      env: { ...started.env, ...tokens, ...sentry?.envOf(appId), POD_NAME: name },
    };
    const service = spec.command && {
      ...planned(name, spec.command[0], spec.command.slice(1)),
      ...{ cwd: spec.cwd ?? root, env: { ...cleanEnv(), ...env } },
    };
    const ports = { port, appPort, daprHttpPort, daprGrpcPort };
    const later = spec.later ?? false;
    apps.push({ id: name, ...ports, env, sidecar, later, ...(service && { service }) });
  }

  const standInsAnswer = () => Promise.all(outside.map(({ port }) => isOpen(port)));
  const serversAnswer = async () =>
    (await standInsAnswer()).every(Boolean) &&
    (sentry === undefined || (await sentry.answers())) &&
    (await Promise.all(needed.map((kind) => servers.of[kind].responds(ports.clients[kind])))).every(
      Boolean,
    ) &&
    (plane === undefined ||
      ((await isOpen(plane.placement.port)) && (await isOpen(plane.scheduler.port))));
  const standInPorts = Object.fromEntries(outside.map(({ endpoint, port }) => [endpoint, port]));
  const brokers = resources.flatMap((from) => brokerIn(from) ?? []);
  const subscriptions = resources
    .flatMap((from) => Object.entries(subscriptionsIn(from)))
    .filter(([app]) => ids.includes(app));
  return {
    ...{
      workplace,
      ports: ports.clients,
      brokers,
      subscriptions: Object.fromEntries(subscriptions),
      standInPorts,
    },
    devices,
    ...{ servers: plans, apps, serversAnswer },
  };
}

/** The broker of the devices: its port for devices, its URL for sidecars, and its accounts. */
function devicesAt(
  { deviceBroker, platform }: Servers,
  kind: ServerKind = 'mosquitto',
  ports: ServerPorts,
): SystemPlan['devices'] {
  const own = [...ports.own[kind]];
  // a proxy is in front of the port for clients
  const port = deviceBroker.devicePort(own) ?? 0;
  const front = port === own[0] ? ports.fronts[kind] : port;
  const account = platform === undefined ? '' : `${platform.userName}:${platform.password}@`;
  return {
    port,
    url: `tcp://${account}127.0.0.1:${front}`,
    ...(platform && {
      admit: (accounts: readonly Account[]) =>
        deviceBroker.setAccounts([...accounts], { dir: '', ports: own, reload: () => {} }),
    }),
  };
}

/** The component of a read store that needs no server, with its files in this folder. */
function readStoreIn(folder: string): string {
  const file = inProject('components', 'read-store', 'sqlite.yaml');
  const component = parseDocument(readFileSync(file, 'utf8'));
  component.setIn(['spec', 'metadata', 0, 'value'], folder);
  return String(component);
}

/** Adds the calls of other apps to the permissions of this system. */
function withOthers(file: string, specs: readonly AppSpec[]): string {
  const { services } = CallPermissions.parse(JSON.parse(readFileSync(file, 'utf8')));
  const others = Object.fromEntries(specs.map(({ appId, calls = {} }) => [appId, calls]));
  return JSON.stringify({ services, others });
}

/** Adds the topics of other apps to the publishers of this system. */
function withPublishers(file: string, specs: readonly AppSpec[]): string {
  const { services } = EventPublishers.parse(JSON.parse(readFileSync(file, 'utf8')));
  const others = Object.fromEntries(specs.map(({ appId, publishes = [] }) => [appId, publishes]));
  return JSON.stringify({ services, others });
}

/** How a sentry is started, and how sidecars get their identities from it. */
async function planSentry(folder: string) {
  const [port = 0, health = 0] = await freePorts(2);
  const own = join(folder, 'servers', 'sentry');
  const tokenOf = prepareSentry(own);
  const authority = authorityIn(own);
  return {
    args: sentryArgs(own, { port, health }),
    answers: async () => existsSync(authority) && (await isOpen(port)),
    controlPlaneArgs: controlPlaneTlsArgs(own, port),
    // the authority's certificate is made when sentry starts
    before: [
      ...['sh', '-c'],
      'until [ -s "$0" ]; do sleep 0.05; done; DAPR_TRUST_ANCHORS="$(cat "$0")" exec "$@"',
      authority,
    ],
    address: `127.0.0.1:${port}`,
    envOf: (app: string) => ({ DAPR_SENTRY_TOKEN_FILE: tokenOf(app) }),
  };
}

const newToken = (): string => randomBytes(24).toString('base64url');

/** The variables that a service reads. */
function readBy(app: string, env: Readonly<Record<string, string>>): Record<string, string> {
  const reads = readsVariable(app);
  return Object.fromEntries(Object.entries(env).filter(([name]) => reads(name)));
}

/** Variables of this shell that would change a service or a sidecar. */
const FOREIGN = /^(DAPR_|FLAGSMITH_|JEST_|ADMIN_|NODE_OPTIONS$)/;

function cleanEnv(): Record<string, string> {
  const kept = Object.entries(childEnv()).filter(([name]) => !FOREIGN.test(name));
  // childEnv returns variables that are set only
  return {
    ...(Object.fromEntries(kept) as Record<string, string>),
    ...DAPRD_ENV,
    // each system starts the same services again: a quarter of the CPU of their start
    NODE_COMPILE_CACHE: inProject('node_modules', '.cache', 'compiled-services'),
  };
}
