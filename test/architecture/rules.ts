import { posix } from 'node:path';
import type { Contract } from '#kit/messages/contract';

/** A file of the tree; its path is relative to the root. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** One sentence that begins with where the fault is. */
export type Fault = string;

const PLUMBING = /dapr|redis|kafka|rabbitmq|sqlite|postgres|mqtt/i;

/** What carries events and keeps documents is chosen outside of services, so none names it. */
export function plumbingWords(files: readonly SourceFile[]): Fault[] {
  return files.flatMap(({ path, text }) =>
    [path, ...text.split('\n')].flatMap((line, index) => {
      const word = PLUMBING.exec(line);
      return word ? [`${path}:${index} says ${word[0]}`] : [];
    }),
  );
}

const TRANSPORTS = /redis|kafka|rabbitmq|sqlite|postgres/i;

/** A transport is a folder of components: nothing that runs beside a sidecar knows which. */
export function transportWords(files: readonly SourceFile[]): Fault[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      const word = TRANSPORTS.exec(line);
      return word ? [`${path}:${index + 1} says ${word[0]}`] : [];
    }),
  );
}

/** Files are named in kebab-case, and none only hands on what others define. */
export function fileNames(files: readonly SourceFile[]): Fault[] {
  return files.flatMap(({ path }) => {
    const name = posix.basename(path);
    if (/^index\.\w+$/.test(name)) return [`${path} is a barrel`];
    return /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)+$/.test(name) ? [] : [`${path} is not kebab-case`];
  });
}

/** What a service says and hears. */
export interface PubSubManifest {
  readonly name: string;
  readonly publishes: readonly Contract[];
  readonly subscribesTo: readonly Contract[];
}

/**
 * Every topic heard is said by somebody, every event said is heard or public, commands go from a
 * service to itself, and every request to the one that answers it.
 */
export function topics(voices: readonly PubSubManifest[]): Fault[] {
  const said = new Set(voices.flatMap(({ publishes }) => publishes.map(({ type }) => type)));
  const heard = new Set(voices.flatMap(({ subscribesTo }) => subscribesTo.map(({ type }) => type)));
  return voices.flatMap(({ name, publishes, subscribesTo }) => [
    ...subscribesTo
      .filter(({ type }) => !said.has(type))
      .map(({ type }) => `${name} hears ${type}, which nobody says`),
    ...publishes
      .filter(
        (contract) => contract.kind !== 'command' && !contract.public && !heard.has(contract.type),
      )
      .map(({ type }) => `${name} says ${type}, which nobody hears and which is not public`),
    ...subscribesTo
      .filter(({ kind }) => kind === 'request')
      .filter((contract) =>
        voices.some((it) => it.name < name && it.subscribesTo.includes(contract)),
      )
      .map(({ type }) => `${name} answers ${type}, as another does`),
    ...[...new Set([...publishes, ...subscribesTo])]
      .filter(({ kind }) => kind === 'command')
      .filter((contract) => !publishes.includes(contract) || !subscribesTo.includes(contract))
      .map(({ type }) => `${name} does not both say and hear the command ${type}`),
  ]);
}

/**
 * Each contract is said by the service that its file is named after, and by no other; a request is
 * answered by it, whoever asks.
 */
export function owners(
  voices: readonly PubSubManifest[],
  contracts: ReadonlyMap<Contract, string>,
): Fault[] {
  const own = ({ publishes, subscribesTo }: PubSubManifest) => [
    ...publishes.filter(({ kind }) => kind !== 'request'),
    ...subscribesTo.filter(({ kind }) => kind === 'request'),
  ];
  const said = voices.flatMap((voice) =>
    own(voice)
      .filter((contract) => contracts.get(contract) !== voice.name)
      .map(({ type }) => `${voice.name} says ${type}, which is another's`),
  );
  const silent = [...contracts]
    .filter(([contract]) => !voices.some((voice) => own(voice).includes(contract)))
    .map(([{ type }, owner]) => `${owner} never says ${type}`);
  return [...said, ...silent];
}
