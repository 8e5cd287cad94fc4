import { posix } from 'node:path';
import type { Contract } from '#kit/messages/contract';
import type { Definition } from '#kit/service/definition';

/** A file with its path relative to the root of the project. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** One sentence that begins with the place of the fault. */
export type Fault = string;

const PLUMBING = /dapr|redis|kafka|rabbitmq|sqlite|postgres|mqtt/i;

/** Brokers and databases are chosen outside the services, so that no service names one. */
export function plumbingWords(files: readonly SourceFile[]): Fault[] {
  return files.flatMap(({ path, text }) =>
    [path, ...text.split('\n')].flatMap((line, index) => {
      const word = PLUMBING.exec(line);
      return word ? [`${path}:${index} mentions ${word[0]}`] : [];
    }),
  );
}

const TRANSPORTS = /redis|kafka|rabbitmq|sqlite|postgres/i;

/** A transport is a folder of components, which no code of a service or the kit names. */
export function transportWords(files: readonly SourceFile[]): Fault[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      const word = TRANSPORTS.exec(line);
      return word ? [`${path}:${index + 1} mentions ${word[0]}`] : [];
    }),
  );
}

/** File names are in kebab-case, and no file only re-exports others. */
export function fileNames(files: readonly SourceFile[]): Fault[] {
  return files.flatMap(({ path }) => {
    const name = posix.basename(path);
    if (/^index\.\w+$/.test(name)) return [`${path} is a barrel`];
    if (name === 'README.md') return [];
    return /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)+$/.test(name) ? [] : [`${path} is not kebab-case`];
  });
}

/** The contracts that a service publishes and handles. */
export interface PubSubManifest {
  readonly name: string;
  readonly publishes: readonly Contract[];
  readonly handles: readonly Contract[];
}

/**
 * Every handled topic has a publisher, every event has a handler or is public, a service publishes
 * commands to itself only, and each request is answered by one service.
 */
export function topics(manifests: readonly PubSubManifest[]): Fault[] {
  const published = new Set(manifests.flatMap((it) => it.publishes.map(({ type }) => type)));
  const handled = new Set(manifests.flatMap((it) => it.handles.map(({ type }) => type)));
  return manifests.flatMap(({ name, publishes, handles }) => [
    ...handles
      .filter(({ type }) => !published.has(type))
      .map(({ type }) => `${name} handles ${type}, which no service publishes`),
    ...publishes
      .filter(
        ({ kind, type, public: isPublic }) => kind !== 'command' && !isPublic && !handled.has(type),
      )
      .map(
        ({ type }) => `${name} publishes ${type}, which is not public and which no service handles`,
      ),
    ...handles
      .filter(({ kind }) => kind === 'request')
      .filter((request) => manifests.some((it) => it.name < name && it.handles.includes(request)))
      .map(({ type }) => `${name} answers ${type}, which another service answers too`),
    ...[...new Set([...publishes, ...handles])]
      .filter(({ kind }) => kind === 'command')
      .filter((command) => !publishes.includes(command) || !handles.includes(command))
      .map(({ type }) => `${name} does not both publish and handle the command ${type}`),
  ]);
}

/**
 * Each event and command is published only by the service that its file is named after, and each
 * request is answered only by that service.
 */
export function owners(
  manifests: readonly PubSubManifest[],
  contracts: ReadonlyMap<Contract, string>,
): Fault[] {
  const own = ({ publishes, handles }: PubSubManifest) => [
    ...publishes.filter(({ kind }) => kind !== 'request'),
    ...handles.filter(({ kind }) => kind === 'request'),
  ];
  const foreign = manifests.flatMap((manifest) =>
    own(manifest)
      .filter((contract) => contracts.get(contract) !== manifest.name)
      .map(({ type }) => `${manifest.name} uses ${type}, which another service owns`),
  );
  const unused = [...contracts]
    .filter(([contract]) => !manifests.some((manifest) => own(manifest).includes(contract)))
    .map(([{ type }, owner]) => `${owner} does not use its contract ${type}`);
  return [...foreign, ...unused];
}

/** A service declares only calls that its code makes: the callee permits it every declared one. */
export function unusedCalls(
  { name, definition: { calls = {} } }: { name: string; definition: Definition },
  files: readonly SourceFile[],
): Fault[] {
  const isMade = (method: string) => {
    const use = new RegExp(`\\.${method}\\(`);
    return files.some(({ text }) => use.test(text));
  };
  return Object.entries(calls).flatMap(([callee, { methods }]) =>
    methods
      .filter((method) => !isMade(method))
      .map((method) => `${name} declares the call ${callee}/${method} and does not make it`),
  );
}
