import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { Fault, SourceFile } from './rules';

/** The documented ports; an app that is not listed chooses its own. */
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
  // an app without an appPort simulates an external endpoint: see simulators
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
        `${appID} has appPort ${appPort}, which does not match PORT ${http}`,
      ),
      ...unless(
        command.join(' ') === `./node_modules/.bin/node ${main}`,
        `${appID} does not run ${main}`,
      ),
    ];
  });
  return [
    ...each,
    ...repeated(ids).map((id) => `${id} runs twice`),
    ...repeated(all.map(({ env }) => env.PORT)).map((port) => `port ${port} is used twice`),
    ...folders.filter((app) => !ids.includes(app)).map((app) => `dapr.yaml does not run ${app}`),
  ];
}

/** An app without an appPort simulates the target of an HTTP endpoint. */
export function simulators(text: string, components: readonly SourceFile[]): Fault[] {
  const urls = endpointsIn(components).map(({ spec }) => spec.baseUrl);
  return RunFile.parse(parse(text)).apps.flatMap(({ appID, appPort, env }) =>
    unless(
      appPort !== undefined || urls.includes(`http://127.0.0.1:${env.PORT}`),
      `${appID} has no appPort, and no HTTPEndpoint has port ${env.PORT}`,
    ),
  );
}

/** Each HTTP endpoint that a service calls is declared for that service. */
export function endpoints(
  called: readonly { service: string; endpoint: string }[],
  components: readonly SourceFile[],
): Fault[] {
  const declared = endpointsIn(components);
  return called.flatMap(({ service, endpoint }) =>
    unless(
      declared.some(
        ({ metadata, scopes }) => metadata.name === endpoint && scopes.includes(service),
      ),
      `${service} calls ${endpoint}, which no HTTPEndpoint declares for it`,
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

/** A component is scoped to existing apps, or to apps with a documented port. */
export function scopes(components: readonly SourceFile[], folders: readonly string[]): Fault[] {
  return components.flatMap(({ path, text }) =>
    parseAllDocuments(text)
      .flatMap((document) => Scoped.parse(document.toJS()).scopes)
      .filter((app) => !(app in ports) && !folders.includes(app))
      .map((app) => `${path} is scoped to ${app}, which is not an app`),
  );
}

const Component = z.object({
  kind: z.literal('Component'),
  metadata: z.object({ name: z.string() }),
  spec: z.object({ type: z.string() }),
});

/** The kinds of transports: the folder, which is also the component's name, and the Dapr type. */
const BLOCKS: Readonly<Record<string, (folder: string) => string>> = {
  bus: (folder) => `pubsub.${folder}`,
  state: (folder) => `state.${folder}`,
  // several brokers have this protocol
  devices: () => 'bindings.mqtt3',
};

/**
 * Each folder of components/bus declares one component, named bus, and likewise in components/state and
 * components/devices, so that one folder can replace another without any other change.
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

/** Without a target in resiliency.yaml, the retries of a call stay at one address. */
export function targets(text: string, called: Iterable<string>): Fault[] {
  const { apps } = Resiliency.parse(parse(text)).spec.targets;
  return [...new Set(called)]
    .filter((app) => !(app in apps))
    .map((app) => `${app} is called, and has no target in resiliency.yaml`);
}

function unless(right: boolean, fault: Fault): Fault[] {
  return right ? [] : [fault];
}

function repeated(values: readonly string[]): string[] {
  return values.filter((value, index) => values.indexOf(value) < index);
}
