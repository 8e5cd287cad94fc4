import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, isMap, isSeq, parseAllDocuments } from 'yaml';

/** Values of a component's metadata, by the component's name. */
export type Overrides = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Where in this system is what components name. */
export interface Servers {
  readonly redisPort: number;
  readonly mqttPort: number;
  /** Base URLs of HTTP endpoints, by name; the others are where their file says. */
  readonly endpoints: Readonly<Record<string, string>>;
}

/** What in a component names a server, by the end of its type. */
const ADDRESS: Readonly<Record<string, (servers: Servers) => [name: string, value: string]>> = {
  redis: ({ redisPort }) => ['redisHost', `127.0.0.1:${redisPort}`],
  mqtt3: ({ mqttPort }) => ['url', `tcp://127.0.0.1:${mqttPort}`],
};

/**
 * Copies a folder of components. Only the addresses of servers and what is asked for is changed;
 * paths of files need no change, since they are relative to where a sidecar is started.
 */
export function copyResources(from: string, to: string, servers: Servers, overrides: Overrides) {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from).filter((file) => file.endsWith('.yaml'))) {
    const documents = resourcesIn(join(from, name));
    for (const document of documents) {
      const address = ADDRESS[serverOf(document) ?? '']?.(servers);
      if (address !== undefined) setMetadata(document, ...address);
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

/** The HTTP endpoints of a folder that these apps ask. */
export function endpointsNeeded(folder: string, apps: readonly string[]) {
  return documentsFor(folder, apps)
    .filter(isEndpoint)
    .map((it) => ({ name: nameOf(it), baseUrl: String(it.getIn(['spec', 'baseUrl'])) }));
}

/** The servers (`redis`, `mqtt3`, ...) that the components of a folder need for these apps. */
export function serversNeeded(folder: string, apps: readonly string[]): string[] {
  return documentsFor(folder, apps).flatMap((document) => serverOf(document) ?? []);
}

/** What in a folder is for one of these apps. */
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

const serverOf = (document: Document) =>
  document.get('kind') === 'Component'
    ? String(document.getIn(['spec', 'type']))
        .split('.')
        .at(-1)
    : undefined;

function setMetadata(document: Document, name: string, value: string): void {
  const metadata = document.getIn(['spec', 'metadata']);
  if (!isSeq(metadata)) throw new Error(`${nameOf(document)} has no metadata`);
  const known = metadata.items.find((item) => isMap(item) && item.get('name') === name);
  if (isMap(known)) known.set('value', value);
  else metadata.add(document.createNode({ name, value }));
}
