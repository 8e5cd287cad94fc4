/** The brokers of the bus: folders of components/bus. */
export const BUSES = ['redis', 'rabbitmq', 'kafka'] as const;
export type Bus = (typeof BUSES)[number];

/** The state stores: folders of components/state. */
export const STATES = ['sqlite', 'postgresql', 'redis'] as const;
export type State = (typeof STATES)[number];

/** The brokers of the devices: folders of components/devices. */
export const DEVICES = ['mosquitto', 'rabbitmq'] as const;
export type Devices = (typeof DEVICES)[number];

export interface Transports {
  readonly bus?: Bus | undefined;
  readonly state?: State | undefined;
  readonly devices?: Devices | undefined;
}

/** Folders of components, with the chosen transports in place of the default ones. */
export function withTransports(paths: readonly string[], asked: Transports): string[] {
  const folder = (kind: string, chosen: string | undefined) => (path: string) =>
    chosen === undefined
      ? path
      : path.replace(new RegExp(`(components/${kind}/)[^/]+$`), `$1${chosen}`);
  return paths
    .map(folder('bus', asked.bus))
    .map(folder('state', asked.state))
    .map(folder('devices', asked.devices));
}
