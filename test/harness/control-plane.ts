import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from './ports';

export interface ControlPlane {
  readonly placement: { readonly port: number; readonly args: string[] };
  readonly scheduler: { readonly port: number; readonly args: string[] };
}

/** How placement and scheduler, which jobs and workflows need, are started, on free ports. */
export async function controlPlane(folder: string): Promise<ControlPlane> {
  const ports = await freePorts(9);
  const [placement = 0, raft = 0, scheduler = 0, etcd = 0, peer = 0, ...other] = ports;
  const usual = (port: number, health = 0, metrics = 0) => [
    ...['--listen-address', '127.0.0.1', '--port', String(port)],
    ...['--healthz-port', String(health), '--metrics-port', String(metrics)],
    ...['--metrics-listen-address', '127.0.0.1', '--healthz-listen-address', '127.0.0.1'],
  ];
  const data = join(folder, 'servers', 'scheduler');
  mkdirSync(data, { mode: 0o700 });
  return {
    placement: {
      port: placement,
      args: [
        ...['--id', 'placement', '--initial-cluster', `placement=127.0.0.1:${raft}`],
        ...usual(placement, other[0], other[1]),
      ],
    },
    scheduler: {
      port: scheduler,
      args: [
        ...['--id', 'scheduler'],
        ...['--etcd-initial-cluster', `scheduler=http://127.0.0.1:${peer}`],
        ...['--etcd-client-port', String(etcd), '--etcd-client-listen-address', '127.0.0.1'],
        ...['--etcd-data-dir', data],
        ...usual(scheduler, other[2], other[3]),
      ],
    },
  };
}
