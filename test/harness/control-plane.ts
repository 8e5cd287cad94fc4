import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from './ports';

export interface ControlPlane {
  readonly placement: { readonly port: number; readonly args: string[] };
  readonly scheduler: { readonly port: number; readonly args: string[] };
}

/**
 * How placement and scheduler, which jobs and workflows need, are started, on free ports. `tls`: with
 * identities from a sentry, of which these are the arguments.
 */
export async function controlPlane(folder: string, tls?: readonly string[]): Promise<ControlPlane> {
  const ports = await freePorts(9);
  const [placement = 0, raft = 0, scheduler = 0, etcd = 0, peer = 0, ...other] = ports;
  const usual = (port: number, health = 0, metrics = 0) => [
    ...['--listen-address', '127.0.0.1', '--port', String(port)],
    ...['--healthz-port', String(health), '--metrics-port', String(metrics)],
    ...['--metrics-listen-address', '127.0.0.1', '--healthz-listen-address', '127.0.0.1'],
  ];
  const data = join(folder, 'servers', 'scheduler');
  mkdirSync(data, { mode: 0o700 });
  // the only name of a single scheduler that its certificate contains
  const name = tls === undefined ? 'scheduler' : 'dapr-scheduler-server-0';
  const own =
    tls === undefined ? [] : [...tls, '--identity-directory-write', join(data, 'identity')];
  return {
    placement: {
      port: placement,
      args: [
        ...['--id', 'placement', '--initial-cluster', `placement=127.0.0.1:${raft}`],
        ...usual(placement, other[0], other[1]),
        ...(tls ?? []),
      ],
    },
    scheduler: {
      port: scheduler,
      args: [
        ...['--id', name, '--etcd-initial-cluster'],
        `${name}=${tls === undefined ? 'http' : 'https'}://127.0.0.1:${peer}`,
        ...['--etcd-client-port', String(etcd), '--etcd-client-listen-address', '127.0.0.1'],
        ...['--etcd-data-dir', data],
        ...usual(scheduler, other[2], other[3]),
        ...own,
      ],
    },
  };
}
