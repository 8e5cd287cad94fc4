import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { inProject } from '../../scripts/start/project.mjs';
import { Terminal } from '../../scripts/start/terminal.mjs';
import { BUSES } from '../harness/transports';
import { choice, flag, parseCommand, runCommand } from '../tools/command-line';
import { buildBinaries } from './node/binaries';
import { writeClusterImages } from './node/images';
import { prepareMachine } from './node/machine';
import { down, inNetwork, pidOfNode, up } from './node/node';
import { writePlatformImages } from './node/platform-images';

const THEMES = readdirSync(__dirname)
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => name.replace('.test.ts', ''));

const COMMAND = {
  about: `npm run kubernetes proves the chart of deploy/chart on a real Kubernetes: a node with the kubelet, containerd,
kube-proxy, a name server, enforced network policies and Dapr's control plane, in namespaces of its own on this machine.
It needs root on Linux, and Go to build the programs of the cluster: 20 minutes on two cores, once.`,
  usage: 'npm run kubernetes [-- <options>] [<theme> ...]',
  positionals: { name: 'theme', of: THEMES },
  options: {
    bus: choice('the broker of events', BUSES),
    keep: flag('leave the cluster running; the next run uses it'),
    up: flag('only start the cluster, and leave it running'),
    down: flag('only stop the cluster that runs'),
    build: flag('only build the programs and images'),
  },
  notes: `Themes: ${THEMES.join(', ')}. Without one, all are run.`,
} as const;

async function main(): Promise<number> {
  const parsed = parseCommand(COMMAND);
  if (parsed === undefined) return 0;
  const { options, positionals } = parsed;
  const log = (line: string) => {
    console.log(line);
  };
  if (options.down) {
    await down();
    return 0;
  }
  await prepareMachine(new Terminal());
  await buildBinaries(log);
  await writeClusterImages();
  await writePlatformImages(log);
  if (options.build) return 0;
  const kept = options.keep || options.up;
  if (pidOfNode() === undefined) await up(kept ? 'kept' : 'held', log);
  else log('using the cluster that runs');
  if (options.up) return 0;
  try {
    return prove(positionals, options.bus ?? 'redis');
  } finally {
    if (!kept) await down();
  }
}

/** Runs the tests in the network of the node, where they reach its API, pods and Services. */
function prove(themes: readonly string[], bus: string): number {
  const files = themes.map((theme) => join('test', 'kubernetes', `${theme}.test.ts`));
  const [command, args] = inNetwork(
    ...['jest', '--selectProjects', 'kubernetes', '--runInBand', '--forceExit', '--verbose'],
    ...(files.length > 0 ? ['--runTestsByPath', ...files] : []),
  );
  const { status } = spawnSync(command, args, {
    cwd: inProject(),
    env: { ...process.env, KUBERNETES_BUS: bus },
    stdio: 'inherit',
  });
  return status ?? 1;
}

runCommand(main);
