/** What carries the events: a folder of components/bus. */
export const BUSES = ['redis', 'rabbitmq', 'kafka'] as const;
export type Bus = (typeof BUSES)[number];

/** What keeps the documents: a folder of components/state. */
export const STATES = ['sqlite', 'postgresql', 'redis'] as const;
export type State = (typeof STATES)[number];

export interface Transports {
  readonly bus?: Bus | undefined;
  readonly state?: State | undefined;
}

/** Folders of components, with that of another bus, or of another state, where one is asked for. */
export function withTransports(paths: readonly string[], { bus, state }: Transports): string[] {
  const folder = (kind: string, chosen: string | undefined) => (path: string) =>
    chosen === undefined
      ? path
      : path.replace(new RegExp(`(components/${kind}/)[^/]+$`), `$1${chosen}`);
  return paths.map(folder('bus', bus)).map(folder('state', state));
}
