import { spawnSync } from 'node:child_process';
import { inProject } from '../../../scripts/start/project.mjs';
import { Terminal } from '../../../scripts/start/terminal.mjs';
import type { Bus } from '../../harness/transports';
import { buildBinaries } from './binaries';
import { writeClusterImages } from './images';
import { prepareMachine } from './machine';
import { type Lifetime, down, importImages, inNetwork, pidOfNode, up } from './node';
import { writePlatformImages } from './platform-images';

type Log = (line: string) => void;

/** Builds what a cluster needs that is not built yet. */
export async function buildCluster(bus: Bus, log: Log): Promise<void> {
  await prepareMachine(new Terminal());
  await buildBinaries(log);
  await writeClusterImages();
  await writePlatformImages(bus);
}

/** Starts the cluster, or uses the one that runs. */
export async function startCluster(bus: Bus, lifetime: Lifetime, log: Log): Promise<void> {
  await buildCluster(bus, log);
  if (pidOfNode() === undefined) {
    await up(lifetime, log);
    return;
  }
  log('using the cluster that runs');
  await importImages();
}

/** Runs a command in the network of the node, where its API, pods and Services are; returns its exit code. */
export function runInNetwork(command: readonly string[], env: Readonly<Record<string, string>>) {
  const [program, args] = inNetwork(...command);
  const { status } = spawnSync(program, args, {
    cwd: inProject(),
    env: { ...process.env, ...env },
    stdio: 'inherit',
  });
  return status ?? 1;
}

/** Disturbs the release in the cluster under load, and checks the invariants; returns the exit code. */
export async function chaosInCluster(
  seed: number,
  minutes: number,
  rate: number,
  bus: Bus = 'redis',
): Promise<number> {
  const ran = pidOfNode() !== undefined;
  await startCluster(bus, 'held', (line) => {
    console.log(line);
  });
  try {
    return runInNetwork(
      [
        ...['node', '--import', './scripts/typescript.mjs', 'test/kubernetes/chaos.ts'],
        ...[`--seed=${seed}`, `--minutes=${minutes}`, `--rate=${rate}`],
      ],
      { KUBERNETES_BUS: bus },
    );
  } finally {
    if (!ran) await down();
  }
}
