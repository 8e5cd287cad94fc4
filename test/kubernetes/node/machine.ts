import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../../scripts/start/commands.mjs';
import { ensureProgram } from '../../../scripts/start/servers.mjs';
import type { Terminal } from '../../../scripts/start/terminal.mjs';
import { UserError } from '../../../scripts/start/user-error.mjs';
import { PLUGINS } from './configuration';

/** What a node needs beside the programs that are built for it, with the Debian package of each. */
const PROGRAMS = {
  containerd: 'containerd',
  runc: 'runc',
  iptables: 'iptables',
  ipset: 'ipset',
  conntrack: 'conntrack',
  busybox: 'busybox-static',
  buildah: 'buildah',
  nsenter: 'util-linux',
  openssl: 'openssl',
} as const;
const NETWORK_PLUGINS = 'containernetworking-plugins';

/** Why this machine cannot run a node; undefined if it can. */
export function obstacle(): string | undefined {
  if (process.platform !== 'linux') return 'a Kubernetes node needs Linux';
  if (process.getuid?.() !== 0)
    return 'a Kubernetes node needs root, for its namespaces and mounts';
  if (!existsSync('/sys/fs/cgroup/memory'))
    return 'the scripts of this node were written for cgroups of version 1, and this machine has version 2';
  return undefined;
}

/** Installs the programs that a node needs. Throws a UserError where this machine cannot run one. */
export async function prepareMachine(terminal: Terminal): Promise<void> {
  const why = obstacle();
  if (why !== undefined) throw new UserError(`There can be no cluster here: ${why}.`);
  const aptPackages = [...new Set([...Object.values(PROGRAMS), NETWORK_PLUGINS])];
  const names = Object.keys(PROGRAMS);
  const find = () => {
    const all = names.map((name) => findProgram(name));
    return all.includes(undefined) || !existsSync(join(PLUGINS, 'bridge')) ? undefined : all[0];
  };
  const needs = `${names.join(', ')} and the plugins of the container network`;
  const found = await ensureProgram({ name: 'containers', needs, aptPackages, find }, terminal);
  if (found === undefined) throw new UserError(`These are missing: ${needs}.`);
}
