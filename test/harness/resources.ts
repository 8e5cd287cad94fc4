import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Document, isMap, isSeq, parseAllDocuments } from 'yaml';
import { servers } from '../../scripts/start/servers.mjs';

/** Values of a component's metadata, by the component's name. */
export type Overrides = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A server that a component may need. */
export type ServerKind = keyof typeof servers;

// Object.keys loses the type of the keys
export const SERVER_KINDS = Object.keys(servers) as ServerKind[];

/** The addresses of servers in this system. */
export interface Servers {
  /** The port by which each server is reached. */
  readonly ports: Readonly<Record<ServerKind, number>>;
  /** The URL of the broker of the devices, with the platform's account if it needs one. */
  readonly devices: string;
  /** Base URLs of HTTP endpoints, by name; all others keep the one in their file. */
  readonly endpoints: Readonly<Record<string, string>>;
}

/** The metadata of a component that is the address of its server. */
const ADDRESS: Readonly<
  Record<Exclude<ServerKind, 'mosquitto'>, (port: number) => [name: string, value: string]>
> = {
  redis: (port) => ['redisHost', `127.0.0.1:${port}`],
  rabbitmq: (port) => ['hostname', `127.0.0.1:${port}`],
  kafka: (port) => ['brokers', `127.0.0.1:${port}`],
  postgresql: (port) => ['port', String(port)],
};

/**
 * Copies a folder of components. Only the addresses of servers and the overrides are changed; file
 * paths stay, as they are relative to the working directory of the sidecar.
 */
export function copyResources(from: string, to: string, servers: Servers, overrides: Overrides) {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from).filter((file) => file.endsWith('.yaml'))) {
    const documents = resourcesIn(join(from, name));
    for (const document of documents) {
      const server = serverOf(document, from);
      if (isForDevices(document)) {
        setMetadata(document, 'url', servers.devices);
        // each sidecar has a name of its own here, as on a cluster
        setMetadata(document, 'consumerID', '{podName}');
      } else if (server !== undefined && server !== 'mosquitto') {
        setMetadata(document, ...ADDRESS[server](servers.ports[server]));
      }
      const baseUrl = servers.endpoints[nameOf(document)];
      if (isEndpoint(document) && baseUrl !== undefined) {
        document.setIn(['spec', 'baseUrl'], baseUrl);
      }
      const changes = Object.entries(overrides[nameOf(document)] ?? {});
      for (const [key, value] of changes) setMetadata(document, key, value);
    }
    writeFileSync(join(to, name), documents.map(String).join('---\n'));
  }
}

/** The HTTP endpoints of a folder that these apps call. */
export function endpointsNeeded(folder: string, apps: readonly string[]) {
  return documentsFor(folder, apps)
    .filter(isEndpoint)
    .map((it) => ({ name: nameOf(it), baseUrl: String(it.getIn(['spec', 'baseUrl'])) }));
}

/** The servers that the components of a folder need for these apps. */
export function serversNeeded(folder: string, apps: readonly string[]): ServerKind[] {
  return documentsFor(folder, apps).flatMap((document) => serverOf(document, folder) ?? []);
}

/** The broker of the devices, if its component is in this folder and for one of these apps. */
export function deviceBrokerIn(folder: string, apps: readonly string[]): ServerKind | undefined {
  const devices = documentsFor(folder, apps).find(isForDevices);
  return devices && serverOf(devices, folder);
}

/** The server of the bus component, if that is in this folder. */
export function brokerIn(folder: string): ServerKind | undefined {
  const bus = documentsFor(folder, []).find((document) => nameOf(document) === 'bus');
  return bus && serverOf(bus, folder);
}

/** The topics of each app by the bus component, if that is in this folder. */
export function subscriptionsIn(folder: string): Record<string, string[]> {
  const bus = documentsFor(folder, []).find((document) => nameOf(document) === 'bus');
  const scopes = bus === undefined ? '' : (metadataOf(bus, 'subscriptionScopes') ?? '');
  const apps = scopes.split(';').map((scope) => scope.trim().split('='));
  return Object.fromEntries(
    apps.flatMap(([app = '', topics = '']) =>
      app === '' ? [] : [[app, topics.split(',').filter((topic) => topic !== '')]],
    ),
  );
}

/** The components of a folder that are scoped to one of these apps. */
function documentsFor(folder: string, apps: readonly string[]) {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) => resourcesIn(join(folder, file)))
    .filter((document) => {
      const scopes = document.get('scopes');
      return !isSeq(scopes) || apps.some((app) => scopes.toJSON().includes(app));
    });
}

const resourcesIn = (file: string) =>
  parseAllDocuments(readFileSync(file, 'utf8')) as Document.Parsed[];

const nameOf = (document: Document) => String(document.getIn(['metadata', 'name']));

const isEndpoint = (document: Document) => document.get('kind') === 'HTTPEndpoint';

const typeOf = (document: Document) => String(document.getIn(['spec', 'type']));

/** Several servers have this protocol; the name of the folder decides. */
const isForDevices = (document: Document) => typeOf(document) === 'bindings.mqtt3';

function serverOf(document: Document, folder: string): ServerKind | undefined {
  if (document.get('kind') !== 'Component') return undefined;
  if (isForDevices(document)) {
    return SERVER_KINDS.find((kind) => kind === basename(folder)) ?? 'mosquitto';
  }
  return SERVER_KINDS.find((kind) => typeOf(document).endsWith(`.${kind}`));
}

function metadataOf(document: Document, name: string): string | undefined {
  const metadata = document.getIn(['spec', 'metadata']);
  if (!isSeq(metadata)) return undefined;
  const known = metadata.items.find((item) => isMap(item) && item.get('name') === name);
  return isMap(known) ? String(known.get('value')) : undefined;
}

function setMetadata(document: Document, name: string, value: string): void {
  const metadata = document.getIn(['spec', 'metadata']);
  if (!isSeq(metadata)) throw new Error(`${nameOf(document)} has no metadata`);
  const known = metadata.items.find((item) => isMap(item) && item.get('name') === name);
  if (isMap(known)) {
    known.set('value', value);
    known.delete('envRef');
  } else metadata.add(document.createNode({ name, value }));
}
