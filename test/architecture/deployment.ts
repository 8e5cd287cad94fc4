import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { Fault, SourceFile } from './rules';

/** Ports that are promised; an app that is not listed chooses its own. */
export const ports: Readonly<Record<string, number>> = {
  gateway: 4000,
  user: 3001,
  product: 3002,
  order: 3003,
  payment: 3004,
  notification: 3005,
  broadcast: 3006,
  analytics: 3007,
  inventory: 3008,
  delivery: 3009,
  shop: 3010,
  search: 3011,
  'iot-gateway': 3012,
  vending: 3013,
  registry: 3014,
  ai: 8000,
};

const RunFile = z.object({
  common: z.object({ appProtocol: z.string() }),
  apps: z.array(
    z.object({
      appID: z.string(),
      appProtocol: z.string().optional(),
      appPort: z.int().optional(),
      command: z.array(z.string()),
      env: z.object({ PORT: z.string() }),
    }),
  ),
});

/** dapr.yaml runs each folder of services once, on ports that are its own. */
export function runFile(text: string, folders: readonly string[]): Fault[] {
  const { common, apps: all } = RunFile.parse(parse(text));
  // what has no appPort stands in for something outside: see standIns
  const apps = all.filter(({ appPort }) => appPort !== undefined);
  const ids = apps.map(({ appID }) => appID);
  const each = apps.flatMap(({ appID, appProtocol, appPort, command, env }) => {
    const http = ports[appID] ?? Number(env.PORT);
    const grpc = (appProtocol ?? common.appProtocol) === 'grpc';
    const main = `dist/services/${appID}/main.js`;
    return [
      ...unless(folders.includes(appID), `${appID} has no folder in services`),
      ...unless(Number(env.PORT) === http, `${appID} has PORT ${env.PORT}, not ${http}`),
      ...unless(
        appPort === (grpc ? http + 10_000 : http),
        `${appID} has appPort ${appPort}, which does not go with ${http}`,
      ),
      ...unless(command.join(' ') === `node ${main}`, `${appID} does not run ${main}`),
    ];
  });
  return [
    ...each,
    ...repeated(ids).map((id) => `${id} is run twice`),
    ...repeated(all.map(({ env }) => env.PORT)).map((port) => `port ${port} is given twice`),
    ...folders.filter((app) => !ids.includes(app)).map((app) => `dapr.yaml does not run ${app}`),
  ];
}

/** What stands in for something outside is what an HTTP endpoint leads to. */
export function standIns(text: string, components: readonly SourceFile[]): Fault[] {
  const asked = endpointsIn(components).map(({ spec }) => spec.baseUrl);
  return RunFile.parse(parse(text)).apps.flatMap(({ appID, appPort, env }) =>
    unless(
      appPort !== undefined || asked.includes(`http://127.0.0.1:${env.PORT}`),
      `${appID} has no appPort, and no HTTPEndpoint leads to ${env.PORT}`,
    ),
  );
}

/** An HTTP endpoint that a service asks is declared, for that service. */
export function endpoints(
  asked: readonly { service: string; endpoint: string }[],
  components: readonly SourceFile[],
): Fault[] {
  const declared = endpointsIn(components);
  return asked.flatMap(({ service, endpoint }) =>
    unless(
      declared.some(
        ({ metadata, scopes }) => metadata.name === endpoint && scopes.includes(service),
      ),
      `${service} asks ${endpoint}, which no HTTPEndpoint declares for it`,
    ),
  );
}

const HttpEndpoint = z.object({
  kind: z.literal('HTTPEndpoint'),
  metadata: z.object({ name: z.string() }),
  scopes: z.array(z.string()),
  spec: z.object({ baseUrl: z.string() }),
});

function endpointsIn(components: readonly SourceFile[]) {
  return components
    .flatMap(({ text }) => parseAllDocuments(text))
    .flatMap((document) => HttpEndpoint.safeParse(document.toJS()).data ?? []);
}

const Scoped = z.object({ scopes: z.array(z.string()).default([]) });

/** A component is given to apps that there are, or that have their port already. */
export function scopes(components: readonly SourceFile[], folders: readonly string[]): Fault[] {
  return components.flatMap(({ path, text }) =>
    parseAllDocuments(text)
      .flatMap((document) => Scoped.parse(document.toJS()).scopes)
      .filter((app) => !(app in ports) && !folders.includes(app))
      .map((app) => `${path} is for ${app}, which is no app`),
  );
}

const Component = z.object({
  kind: z.literal('Component'),
  metadata: z.object({ name: z.string() }),
  spec: z.object({ type: z.string() }),
});

/** The blocks that a transport is made of: its folder and its component's name, and its type in Dapr. */
const BLOCKS: Readonly<Record<string, (folder: string) => string>> = {
  bus: (folder) => `pubsub.${folder}`,
  state: (folder) => `state.${folder}`,
  // one protocol, which several brokers speak
  devices: () => 'bindings.mqtt3',
};

/**
 * Each folder of components/bus declares one component, named bus, and each of components/state and of
 * components/devices one that is named so: one folder can take the place of another, with nothing else
 * changed.
 */
export function transports(components: readonly SourceFile[]): Fault[] {
  return components.flatMap(({ path, text }) => {
    const [, block = '', folder = ''] =
      /^components\/([\w-]+)\/([\w-]+)\/.*\.ya?ml$/.exec(path) ?? [];
    const type = BLOCKS[block]?.(folder);
    if (type === undefined) return [];
    const declared = parseAllDocuments(text).map((document) => {
      const { data } = Component.safeParse(document.toJS());
      return data && `${data.metadata.name} of type ${data.spec.type}`;
    });
    const wanted = `${block} of type ${type}`;
    return unless(
      declared.length === 1 && declared[0] === wanted,
      `${path} declares ${declared.join(', ')}, not ${wanted} alone`,
    );
  });
}

const Resiliency = z.object({
  spec: z.object({ targets: z.object({ apps: z.record(z.string(), z.unknown()) }) }),
});

/** Without a target of its own a call sticks to one address while it is retried. */
export function targets(text: string, called: Iterable<string>): Fault[] {
  const { apps } = Resiliency.parse(parse(text)).spec.targets;
  return [...new Set(called)]
    .filter((app) => !(app in apps))
    .map((app) => `${app} is called, but is no target in resiliency.yaml`);
}

function unless(right: boolean, fault: Fault): Fault[] {
  return right ? [] : [fault];
}

function repeated(values: readonly string[]): string[] {
  return values.filter((value, index) => values.indexOf(value) < index);
}
