import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { choice, flag, type Parsed, runCommand, text } from '../../scripts/start/command-line.mjs';
import { BUSES } from '../harness/transports';
import { down } from './node/node';
import { buildCluster, runInNetwork, startCluster } from './node/start';

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
    bus: choice('the broker of events (default: redis)', BUSES),
    report: text('for the results as JSON', 'file'),
    keep: flag('leave the cluster running; the next run uses it'),
    up: flag('only start the cluster, and leave it running'),
    down: flag('only stop the cluster that runs'),
    build: flag('only build the programs and images'),
  },
  failsIf: 'a theme is not proven, or the cluster cannot be built or started',
  notes: `Themes: ${THEMES.join(', ')}. Without one, all are run.`,
} as const;

async function main({ options, positionals }: Parsed<typeof COMMAND.options>): Promise<number> {
  const { bus = 'redis', keep, up, build } = options;
  const log = (line: string) => {
    console.log(line);
  };
  if (options.down) {
    await down();
    return 0;
  }
  if (build) {
    await buildCluster(bus, log);
    return 0;
  }
  await startCluster(bus, keep || up ? 'kept' : 'held', log);
  if (up) return 0;
  try {
    return prove(positionals, bus, options.report);
  } finally {
    if (!keep) await down();
  }
}

function prove(themes: readonly string[], bus: string, report: string | undefined): number {
  const files = themes.map((theme) => join('test', 'kubernetes', `${theme}.test.ts`));
  const jest = [
    'jest',
    '--selectProjects',
    'kubernetes',
    '--runInBand',
    '--forceExit',
    '--verbose',
  ];
  const chosen = files.length > 0 ? ['--runTestsByPath', ...files] : [];
  const reported = report === undefined ? [] : ['--json', `--outputFile=${report}`];
  return runInNetwork([...jest, ...reported, ...chosen], { KUBERNETES_BUS: bus });
}

runCommand(COMMAND, main);
