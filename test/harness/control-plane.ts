import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { placementArgs, schedulerArgs } from '../../scripts/start/control-plane.mjs';
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
  const [port = 0, raft = 0, health = 0, metrics = 0] = await freePorts(4);
  const [own = 0, etcd = 0, peer = 0, ownHealth = 0, ownMetrics = 0] = await freePorts(5);
  const data = join(folder, 'servers', 'scheduler');
  mkdirSync(data, { mode: 0o700 });
  const scheduler = { port: own, etcd, peer, health: ownHealth, metrics: ownMetrics };
  const more = tls ?? [];
  return {
    placement: { port, args: [...placementArgs({ port, raft, health, metrics }), ...more] },
    scheduler: {
      port: own,
      args: [...schedulerArgs(scheduler, data, tls !== undefined), ...more],
    },
  };
}
