import { readFileSync, readdirSync } from 'node:fs';
import { inProject } from '../../../scripts/start/project.mjs';
import { run } from '../node/run';
import type { Pod } from './cluster';

// A container is a process of this machine, in a cgroup whose path has the ids of its pod and of itself.

interface PodProcess {
  readonly pid: number;
  readonly program: string;
  readonly cgroup: string;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // it has ended meanwhile
    return '';
  }
}

/** The processes of a pod, or of one container of it. */
export function processesOf({ metadata, status }: Pod, container?: string): PodProcess[] {
  const all = [...status.initContainerStatuses, ...status.containerStatuses];
  const id = all.find(({ name }) => name === container)?.containerID.replace(/^.*\/\//, '');
  if (container !== undefined && (id === undefined || id === '')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const cgroup = read(`/proc/${pid}/cgroup`);
      if (!cgroup.includes(`pod${metadata.uid}`)) return [];
      if (id !== undefined && !cgroup.includes(id)) return [];
      const [program = ''] = read(`/proc/${pid}/cmdline`).split('\0');
      return [{ pid: Number(pid), program: program.replace(/^.*\//, ''), cgroup }];
    });
}

/** A process in the namespaces of a pod. */
export function processOf(pod: Pod, container?: string): number {
  const [first] = processesOf(pod, container);
  if (first === undefined) throw new Error(`${pod.metadata.name} has no process`);
  return first.pid;
}

/** Sends a signal to every process of a container, which knows nothing of it beforehand. */
export function signal(pod: Pod, container: string, name: NodeJS.Signals): void {
  const processes = processesOf(pod, container);
  if (processes.length === 0) throw new Error(`${pod.metadata.name} has no container ${container}`);
  for (const { pid } of processes) process.kill(pid, name);
}

/** Runs a program of the folder `inside` in the network of a pod; returns the JSON that it prints. */
export async function runInside(
  pod: Pod,
  file: string,
  input: unknown,
  timeoutMs = 60_000,
): Promise<unknown> {
  const typescript = inProject('scripts', 'typescript.mjs');
  const text = await run(
    'nsenter',
    [
      ...['--target', String(processOf(pod)), '--net', '--', process.execPath],
      ...['--import', typescript, inProject('test', 'kubernetes', 'inside', file)],
    ],
    { input: JSON.stringify(input), timeoutMs },
  );
  return JSON.parse(text);
}

/** The TCP ports of a pod on which something listens for other pods. */
export function listeningPorts(pod: Pod): number[] {
  const pid = processOf(pod);
  const lines = ['tcp', 'tcp6'].flatMap((name) =>
    read(`/proc/${pid}/net/${name}`).split('\n').slice(1),
  );
  const ports = lines.flatMap((line) => {
    const [, local = '', , state = ''] = line.trim().split(/\s+/);
    const [address = '', port = ''] = local.split(':');
    return state === LISTEN && !isLoopback(address) ? [Number.parseInt(port, 16)] : [];
  });
  return [...new Set(ports)].sort((one, other) => one - other);
}

const LISTEN = '0A';
/** In the kernel's notation, 127.0.0.1 and ::1. */
const isLoopback = (address: string) =>
  address === '0100007F' || address === '00000000000000000000000001000000';
